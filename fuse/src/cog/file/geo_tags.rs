//! The tags that place the image on Earth, as GDAL writes them.
//!
//! Turning a coordinate reference system into `GeoTIFF` keys is GDAL's business: it writes a file
//! of one pixel, and its tags are copied.

use gdal::errors::GdalError;
use gdal::spatial_ref::SpatialRef;
use gdal::{DriverManager, vsi};

use crate::cog::file::tiff::Field;
use crate::gdal::MemoryFolder;

/// `ModelPixelScale`, `ModelTiepoint`, `ModelTransformation`, `GeoKeyDirectory`, `GeoDoubleParams`
/// and `GeoAsciiParams` (OGC 19-008, GeoTIFF 1.1, annex B and section 7).
const TAGS: [u16; 6] = [33550, 33922, 34264, 34735, 34736, 34737];

/// Why the tags could not be made. For GDAL's part, see its message. Report a malformed file.
#[derive(Debug, thiserror::Error)]
pub enum GeoTagsError {
    /// GDAL could not write the file.
    #[error("GDAL: {0}")]
    Gdal(#[from] GdalError),
    /// GDAL wrote a file that is not understood here.
    #[error("GDAL wrote {detail}, which is not expected")]
    Malformed {
        /// What was found.
        detail: &'static str,
    },
}

/// The tag with points of the image and where they are: `ModelTiepoint`.
const TIEPOINT: u16 = 33922;

/// Tags of one georeference, to be copied into an image.
#[derive(Clone, Debug, Default)]
pub struct GeoTags {
    pub(crate) fields: Vec<Field>,
}

impl GeoTags {
    /// Of a coordinate reference system and a transform in GDAL's order: x of the upper left
    /// corner, pixel width, 0, y, 0, negative pixel height.
    ///
    /// # Errors
    /// If GDAL cannot express the system in a `GeoTIFF`.
    pub fn new(system: &SpatialRef, transform: &[f64; 6]) -> Result<Self, GeoTagsError> {
        let folder = MemoryFolder::new();
        let path = folder.path("pixel.tif");
        let driver = DriverManager::get_driver_by_name("GTiff")?;
        let mut dataset = driver.create_with_band_type::<u8, _>(&path, 1, 1, 1)?;
        dataset.set_spatial_ref(system)?;
        dataset.set_geo_transform(transform)?;
        dataset.close()?;
        let mut fields = directory(&vsi::get_vsi_mem_file_bytes_owned(&path)?)?;
        fields.retain(|field| TAGS.contains(&field.tag));
        Ok(Self { fields })
    }

    /// The same system and pixels with another upper left corner.
    #[must_use]
    pub fn moved_to(mut self, x: f64, y: f64) -> Self {
        // Column, row and layer of a point, and its x, y and z (OGC 19-008, 7.6.2). GDAL writes one
        // point, the upper left corner.
        for field in self.fields.iter_mut().filter(|it| it.tag == TIEPOINT) {
            if let [_, _, _, to_x, to_y, _] = field.bytes.as_chunks_mut::<8>().0 {
                *to_x = x.to_le_bytes();
                *to_y = y.to_le_bytes();
            }
        }
        self
    }
}

/// The first directory of a classic little-endian TIFF (TIFF 6.0, section 2).
pub(crate) fn directory(file: &[u8]) -> Result<Vec<Field>, GeoTagsError> {
    let malformed = |detail| GeoTagsError::Malformed { detail };
    if !file.starts_with(b"II*\0") {
        return Err(malformed("a big-endian TIFF or a BigTIFF"));
    }
    let read = || {
        let start = usize::try_from(u32_at(file, 4)?).ok()?;
        let count = usize::from(u16_at(file, start)?);
        let entries = file
            .get(start.checked_add(2)?..)?
            .as_chunks::<12>()
            .0
            .get(..count)?;
        entries
            .iter()
            .map(|entry| field(file, entry))
            .collect::<Option<Vec<_>>>()
    };
    read().ok_or_else(|| malformed("a TIFF that is cut off"))
}

fn field(file: &[u8], entry: &[u8; 12]) -> Option<Field> {
    let (tag, value_type, count) = (u16_at(entry, 0)?, u16_at(entry, 2)?, u32_at(entry, 4)?);
    // Sizes of the types 1 to 12 (TIFF 6.0, section 2, "Types").
    let size = match value_type {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    };
    let length = usize::try_from(count).ok()?.checked_mul(size)?;
    let bytes = if length <= 4 {
        entry.get(8..)?.get(..length)?
    } else {
        let start = usize::try_from(u32_at(entry, 8)?).ok()?;
        file.get(start..start.checked_add(length)?)?
    };
    Some(Field {
        tag,
        value_type,
        count: count.into(),
        bytes: bytes.to_vec(),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|&bytes| u16::from_le_bytes(bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|&bytes| u32::from_le_bytes(bytes))
}
