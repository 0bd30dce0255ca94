//! The first directory of a little-endian TIFF or `BigTIFF`, to be changed in place (TIFF 6.0,
//! section 2).

use std::ops::Range;

pub(crate) const IMAGE_WIDTH: u16 = 256;
pub(crate) const IMAGE_LENGTH: u16 = 257;
pub(crate) const BITS_PER_SAMPLE: u16 = 258;
pub(crate) const COMPRESSION: u16 = 259;
pub(crate) const PHOTOMETRIC: u16 = 262;
pub(crate) const FILL_ORDER: u16 = 266;
pub(crate) const STRIP_OFFSETS: u16 = 273;
pub(crate) const SAMPLES_PER_PIXEL: u16 = 277;
pub(crate) const ROWS_PER_STRIP: u16 = 278;
pub(crate) const STRIP_BYTE_COUNTS: u16 = 279;
pub(crate) const PREDICTOR: u16 = 317;
pub(crate) const TILE_WIDTH: u16 = 322;
pub(crate) const TILE_LENGTH: u16 = 323;
pub(crate) const TILE_OFFSETS: u16 = 324;
pub(crate) const TILE_BYTE_COUNTS: u16 = 325;
pub(crate) const SAMPLE_FORMAT: u16 = 339;
pub(crate) const PIXEL_SCALE: u16 = 33550;
pub(crate) const TIEPOINT: u16 = 33922;
pub(crate) const TRANSFORMATION: u16 = 34264;
pub(crate) const GEO_KEYS: u16 = 34735;

#[derive(Clone)]
pub(crate) struct Tiff {
    pub(crate) bytes: Vec<u8>,
    big: bool,
}

impl Tiff {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let big = bytes.starts_with(b"II+\0");
        assert!(big || bytes.starts_with(b"II*\0"), "a little-endian TIFF");
        Self { bytes, big }
    }

    fn number(&self, at: usize, bytes: usize) -> u64 {
        self.bytes[at..at + bytes]
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// Bytes of an offset or count.
    fn wide(&self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Where the offset of the first directory is.
    pub(crate) fn first(&self) -> usize {
        self.wide()
    }

    /// Entries of the first directory.
    pub(crate) fn directory(&self) -> Range<usize> {
        let start =
            usize::try_from(self.number(self.first(), self.wide())).expect("it is in memory");
        let width = if self.big { 8 } else { 2 };
        let count = usize::try_from(self.number(start, width)).expect("it is in memory");
        start + width..start + width + count * self.entry_length()
    }

    fn entry_length(&self) -> usize {
        4 + 2 * self.wide()
    }

    /// Where the entry of a tag begins.
    pub(crate) fn entry(&self, tag: u16) -> usize {
        let found = self
            .directory()
            .step_by(self.entry_length())
            .find(|&at| self.number(at, 2) == u64::from(tag));
        found.expect("the tag is there")
    }

    /// Where the count and the value of a tag are; the value may be an offset.
    pub(crate) fn places(&self, tag: u16) -> (usize, usize) {
        let at = self.entry(tag);
        (at + 4, at + 4 + self.wide())
    }

    /// Where the values of a tag are, be they in the entry or elsewhere, and the bytes of each.
    pub(crate) fn values(&self, tag: u16) -> (usize, usize) {
        let (count_at, value_at) = self.places(tag);
        let size = match self.number(self.entry(tag) + 2, 2) {
            1 | 2 => 1,
            3 => 2,
            4 => 4,
            12 | 16 => 8,
            other => panic!("type {other}"),
        };
        let count = usize::try_from(self.number(count_at, self.wide())).expect("it is in memory");
        let inside = count * size <= self.wide();
        let elsewhere =
            || usize::try_from(self.number(value_at, self.wide())).expect("it is in memory");
        (if inside { value_at } else { elsewhere() }, size)
    }

    /// All values of a tag.
    pub(crate) fn span(&self, tag: u16) -> Range<usize> {
        let ((start, size), (count, _)) = (self.values(tag), self.places(tag));
        start
            ..start
                + size * usize::try_from(self.number(count, self.wide())).expect("it is in memory")
    }

    pub(crate) fn value(&self, tag: u16, index: usize) -> u64 {
        let (at, size) = self.values(tag);
        self.number(at + index * size, size)
    }

    /// Writes one value of a tag, with as many bytes as values of its type have.
    #[must_use]
    pub(crate) fn set(mut self, tag: u16, index: usize, value: u64) -> Self {
        let (at, size) = self.values(tag);
        self.bytes[at + index * size..][..size].copy_from_slice(&value.to_le_bytes()[..size]);
        self
    }

    /// Turns an entry into one of another tag.
    #[must_use]
    pub(crate) fn rename(mut self, tag: u16, other: u16) -> Self {
        let at = self.entry(tag);
        self.bytes[at..at + 2].copy_from_slice(&other.to_le_bytes());
        self
    }

    /// Writes the count of values of a tag.
    #[must_use]
    pub(crate) fn recount(mut self, tag: u16, count: u64) -> Self {
        let (at, wide) = (self.places(tag).0, self.wide());
        self.bytes[at..at + wide].copy_from_slice(&count.to_le_bytes()[..wide]);
        self
    }

    /// Puts `data` at the end of the file and makes it tile or strip `index`.
    #[must_use]
    pub(crate) fn replace(
        mut self,
        (offsets, counts): (u16, u16),
        index: usize,
        data: &[u8],
    ) -> Self {
        let end = self.bytes.len() as u64;
        self.bytes.extend(data);
        self.set(offsets, index, end)
            .set(counts, index, data.len() as u64)
    }
}

pub(crate) const TILES: (u16, u16) = (TILE_OFFSETS, TILE_BYTE_COUNTS);

impl Tiff {
    /// Writes one value of a tag as 32 bits, whatever it was.
    #[must_use]
    pub(crate) fn wide_set(mut self, tag: u16, value: u32) -> Self {
        let at = self.entry(tag);
        self.bytes[at + 2..at + 4].copy_from_slice(&4_u16.to_le_bytes());
        let (_, place) = self.places(tag);
        self.bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        self
    }

    /// Puts the entries into the order of their tags, as readers expect it.
    #[must_use]
    pub(crate) fn sorted(mut self) -> Self {
        let (range, length) = (self.directory(), self.entry_length());
        let mut entries: Vec<Vec<u8>> = self.bytes[range.clone()]
            .chunks(length)
            .map(<[u8]>::to_vec)
            .collect();
        entries.sort_by_key(|entry| u16::from_le_bytes([entry[0], entry[1]]));
        self.bytes[range].copy_from_slice(&entries.concat());
        self
    }
}
