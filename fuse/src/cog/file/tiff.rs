//! The structure of a TIFF file, classic or `BigTIFF`: header, directories, values.

use crate::cog::error::CogError;

/// Classic TIFF (TIFF 6.0, section 2) has offsets of 32 bits, `BigTIFF` ("`BigTIFF` Design",
/// libtiff) of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TiffVariant {
    Classic,
    Big,
}

/// Types of values (TIFF 6.0, section 2, "Types"; "`BigTIFF` Design" for the last).
mod value_type {
    pub(crate) const ASCII: u16 = 2;
    pub(crate) const SHORT: u16 = 3;
    pub(crate) const LONG: u16 = 4;
    pub(crate) const DOUBLE: u16 = 12;
    pub(crate) const LONG8: u16 = 16;
}

/// One entry of a directory with its value, in little-endian bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) tag: u16,
    pub(crate) value_type: u16,
    pub(crate) count: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Field {
    pub(crate) fn shorts(tag: u16, values: &[u16]) -> Self {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Self {
            tag,
            value_type: value_type::SHORT,
            count: values.len() as u64,
            bytes,
        }
    }

    pub(crate) fn longs(tag: u16, values: &[u32]) -> Self {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Self {
            tag,
            value_type: value_type::LONG,
            count: values.len() as u64,
            bytes,
        }
    }

    pub(crate) fn doubles(tag: u16, values: &[f64]) -> Self {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Self {
            tag,
            value_type: value_type::DOUBLE,
            count: values.len() as u64,
            bytes,
        }
    }

    /// A side of an image: 16 bits if they suffice, as GDAL does it.
    pub(crate) fn side(tag: u16, value: u32) -> Self {
        match u16::try_from(value) {
            Ok(value) => Self::shorts(tag, &[value]),
            Err(_) => Self::longs(tag, &[value]),
        }
    }

    /// Fails where an offset does not fit into the variant.
    pub(crate) fn offsets(
        tag: u16,
        variant: TiffVariant,
        values: &[u64],
    ) -> Result<Self, CogError> {
        match variant {
            TiffVariant::Classic => {
                let values: Result<Vec<_>, _> =
                    values.iter().map(|&value| u32::try_from(value)).collect();
                values
                    .map(|values| Self::longs(tag, &values))
                    .map_err(|_| CogError::Unwritable {
                        what: "an image of 4 GiB or more".into(),
                        detail: "its offsets do not fit into 32 bits".into(),
                    })
            }
            TiffVariant::Big => {
                let bytes = values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                Ok(Self {
                    tag,
                    value_type: value_type::LONG8,
                    count: values.len() as u64,
                    bytes,
                })
            }
        }
    }

    /// Text, with the NUL that ends it.
    pub(crate) fn ascii(tag: u16, text: &str) -> Self {
        Self::text(tag, text.as_bytes().to_vec())
    }

    /// Text in whatever encoding a file has it in, with the NUL that ends it.
    pub(crate) fn text(tag: u16, mut bytes: Vec<u8>) -> Self {
        if !bytes.ends_with(&[0]) {
            bytes.push(0);
        }
        Self {
            tag,
            value_type: value_type::ASCII,
            count: bytes.len() as u64,
            bytes,
        }
    }

    /// The unsigned integer that it is, or starts with.
    pub(crate) fn first_integer(&self) -> Option<u64> {
        match self.value_type {
            value_type::SHORT => self
                .bytes
                .first_chunk()
                .map(|&bytes| u16::from_le_bytes(bytes).into()),
            value_type::LONG => self
                .bytes
                .first_chunk()
                .map(|&bytes| u32::from_le_bytes(bytes).into()),
            value_type::LONG8 => self
                .bytes
                .first_chunk()
                .map(|&bytes| u64::from_le_bytes(bytes)),
            _ => None,
        }
    }

    /// The arrays that say where the tiles are come after all other values: they are the only ones
    /// that grow with the image (GDAL's "COG driver" page, "File format details").
    fn is_tile_array(&self) -> bool {
        matches!(self.tag, 324 | 325)
    }
}

impl TiffVariant {
    fn header_bytes(self) -> usize {
        match self {
            Self::Classic => 8,
            Self::Big => 16,
        }
    }

    /// Bytes of the number of entries, of an entry, and of an offset or a value that is stored in
    /// its place.
    fn directory_bytes(self) -> (usize, usize, usize) {
        match self {
            Self::Classic => (2, 12, 4),
            Self::Big => (8, 20, 8),
        }
    }

    /// Directories and values begin at word boundaries (TIFF 6.0, section 2), in `BigTIFF` at
    /// multiples of 8.
    fn aligned(self, at: usize) -> usize {
        match self {
            Self::Classic => at.next_multiple_of(2),
            Self::Big => at.next_multiple_of(8),
        }
    }

    fn put_offset(self, out: &mut Vec<u8>, at: usize, value: usize) {
        // Heads are far below 4 GiB; the offsets that are not are values of tile arrays.
        let bytes = (value as u64).to_le_bytes();
        let (_, _, length) = self.directory_bytes();
        put(out, at, bytes.get(..length).unwrap_or_default());
    }

    /// The bytes of a file up to the first tile: header, `ghost`, directories with their values,
    /// and the tile arrays. Their number does not depend on the offsets in the arrays.
    pub(crate) fn head(self, ghost: &[u8], directories: &[Vec<Field>]) -> Vec<u8> {
        let (count_bytes, entry_bytes, inline) = self.directory_bytes();
        // Signature and version, then the ghost.
        let mut out = Vec::new();
        put(
            &mut out,
            0,
            if self == Self::Classic {
                b"II*\0"
            } else {
                b"II+\0\x08\0\0\0"
            },
        );
        put(&mut out, self.header_bytes(), ghost);

        // Each directory is linked to the one before: its entries, then values that do not fit into
        // them.
        let mut link = self.header_bytes().saturating_sub(inline);
        // Where the entries of tile arrays that do not fit into them wait for their offsets.
        let mut arrays = Vec::new();
        for fields in directories {
            let start = self.aligned(out.len());
            self.put_offset(&mut out, link, start);
            let count = (fields.len() as u64).to_le_bytes();
            put(
                &mut out,
                start,
                count.get(..count_bytes).unwrap_or_default(),
            );
            let entries = start.saturating_add(count_bytes);
            link = entries.saturating_add(entry_bytes.saturating_mul(fields.len()));
            self.put_offset(&mut out, link, 0);
            for (index, field) in fields.iter().enumerate() {
                let entry = entries.saturating_add(entry_bytes.saturating_mul(index));
                put(&mut out, entry, &field.tag.to_le_bytes());
                put(
                    &mut out,
                    entry.saturating_add(2),
                    &field.value_type.to_le_bytes(),
                );
                let count = field.count.to_le_bytes();
                put(
                    &mut out,
                    entry.saturating_add(4),
                    count.get(..inline).unwrap_or_default(),
                );
                let value = entry.saturating_add(4).saturating_add(inline);
                if field.bytes.len() <= inline {
                    put(&mut out, value, &field.bytes);
                } else if field.is_tile_array() {
                    arrays.push((value, &field.bytes));
                } else {
                    self.append(&mut out, value, &field.bytes);
                }
            }
        }
        // The tile arrays come last, next to the tiles.
        for (value, bytes) in arrays {
            self.append(&mut out, value, bytes);
        }
        out
    }

    fn append(self, out: &mut Vec<u8>, value: usize, bytes: &[u8]) {
        let at = self.aligned(out.len());
        self.put_offset(out, value, at);
        put(out, at, bytes);
    }
}

/// Writes the bytes at an offset; what lies between the end and there becomes 0.
fn put(out: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at.saturating_add(bytes.len());
    if out.len() < end {
        out.resize(end, 0);
    }
    if let Some(target) = out.get_mut(at..end) {
        target.copy_from_slice(bytes);
    }
}
