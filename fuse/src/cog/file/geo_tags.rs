//! The tags that place the image on Earth, as GDAL writes them.
//!
//! Turning a coordinate reference system into `GeoTIFF` keys is GDAL's business: it writes a file
//! of one pixel, and its tags are copied. What it cannot express it leaves out, or writes as
//! another system, and puts the right one into a side file, all without an error. So the tags are
//! read back, without side files. Where they name another system, the keys of the input are tried,
//! and then the EPSG code alone, which is all that a reader needs who has the EPSG dataset.

use gdal::errors::GdalError;
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::{Dataset, DriverManager, vsi};

use crate::cog::file::tiff::{Field, TiffVariant};
use crate::gdal::{MemoryFolder, opened};

/// `ModelPixelScale`, `ModelTiepoint`, `ModelTransformation`, `GeoKeyDirectory`, `GeoDoubleParams`
/// and `GeoAsciiParams` (OGC 19-008, GeoTIFF 1.1, annex B and section 7).
const TAGS: [u16; 6] = [33550, 33922, 34264, 34735, 34736, 34737];

/// Those of them that name the system.
const KEY_TAGS: [u16; 3] = [34735, 34736, 34737];

/// `GTModelTypeGeoKey`, and its values for projected and geographic systems; `GTRasterTypeGeoKey`,
/// and its value for pixels that are areas; `GeodeticCRSGeoKey` and `ProjectedCRSGeoKey` (OGC
/// 19-008, sections 7.4 and 7.5).
const MODEL_TYPE: u16 = 1024;
const PROJECTED: u16 = 1;
const GEOGRAPHIC: u16 = 2;
const RASTER_TYPE: u16 = 1025;
const PIXEL_IS_AREA: u16 = 1;
const GEOGRAPHIC_CODE: u16 = 2048;
const PROJECTED_CODE: u16 = 3072;

/// Codes that stand for themselves in the keys (OGC 19-008, section 7.5, requirements 21 and 23).
const CODES: std::ops::RangeInclusive<u16> = 1024..=32766;

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
    /// A reader of the tags would see another system, or none. Reproject.
    #[error(
        "GeoTIFF keys cannot hold {system}; reproject to a system with an EPSG code, such as that \
         of a UTM zone"
    )]
    Inexpressible {
        /// Its name.
        system: String,
    },
}

/// Keys that name a coordinate reference system, as a file has them.
#[derive(Clone, Debug)]
pub(crate) struct GeoKeys {
    fields: Vec<Field>,
}

impl GeoKeys {
    /// The keys among the fields of a directory.
    pub(crate) fn of(fields: &[Field]) -> Self {
        let fields = fields
            .iter()
            .filter(|field| KEY_TAGS.contains(&field.tag))
            .cloned()
            .collect();
        Self { fields }
    }

    /// The EPSG code of a system that has one.
    fn of_code(system: &SpatialRef) -> Option<Self> {
        let authority = system.authority().ok()?;
        let code = authority.strip_prefix("EPSG:")?.parse().ok()?;
        let (model, key) = if system.is_projected() {
            (PROJECTED, PROJECTED_CODE)
        } else if system.is_geographic() {
            (GEOGRAPHIC, GEOGRAPHIC_CODE)
        } else {
            return None;
        };
        let keys = [
            [1, 1, 0, 3],
            [MODEL_TYPE, 0, 1, model],
            [RASTER_TYPE, 0, 1, PIXEL_IS_AREA],
            [key, 0, 1, code],
        ];
        let fields = vec![Field::shorts(34735, keys.as_flattened())];
        CODES.contains(&code).then_some(Self { fields })
    }

    /// The same keys for an image whose pixels are areas. Files whose pixels are points are placed
    /// half a pixel off; their transform has been corrected when it was read.
    fn of_areas(&self) -> Self {
        let mut fields = self.fields.clone();
        for field in fields.iter_mut().filter(|field| field.tag == 34735) {
            for key in field.bytes.as_chunks_mut::<8>().0.iter_mut().skip(1) {
                if key.starts_with(&RASTER_TYPE.to_le_bytes()) {
                    let [low, high] = PIXEL_IS_AREA.to_le_bytes();
                    (key[6], key[7]) = (low, high);
                }
            }
        }
        Self { fields }
    }
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
    /// If the system cannot be expressed in a `GeoTIFF`.
    pub fn new(system: &SpatialRef, transform: &[f64; 6]) -> Result<Self, GeoTagsError> {
        Self::with_keys(system, transform, None)
    }

    /// The same, with the keys that a file has for this system.
    ///
    /// # Errors
    /// If the system cannot be expressed in a `GeoTIFF`.
    pub(crate) fn with_keys(
        system: &SpatialRef,
        transform: &[f64; 6],
        keys: Option<&GeoKeys>,
    ) -> Result<Self, GeoTagsError> {
        let written = Self::by_gdal(system, transform)?;
        if written.hold(system, transform) {
            return Ok(written);
        }
        let carried = keys.map(GeoKeys::of_areas);
        let others = [carried, GeoKeys::of_code(system)];
        others
            .into_iter()
            .flatten()
            .map(|keys| Self::placed(transform, keys))
            .find(|tags| tags.hold(system, transform))
            .ok_or_else(|| GeoTagsError::Inexpressible {
                system: system_name(system),
            })
    }

    /// As GDAL writes them.
    fn by_gdal(system: &SpatialRef, transform: &[f64; 6]) -> Result<Self, GeoTagsError> {
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

    /// These keys, and the tags of the transform.
    fn placed(&[x, width, _, y, _, height]: &[f64; 6], keys: GeoKeys) -> Self {
        let mut fields = vec![
            Field::doubles(33550, &[width, -height, 0.0]),
            Field::doubles(33922, &[0.0, 0.0, 0.0, x, y, 0.0]),
        ];
        fields.extend(keys.fields);
        Self { fields }
    }

    /// Whether a reader who has only these tags sees the same system and transform.
    fn hold(&self, system: &SpatialRef, transform: &[f64; 6]) -> bool {
        let is_same = |dataset: &Dataset| {
            let bits = |transform: &[f64; 6]| transform.map(|number| (number + 0.0).to_bits());
            let read = dataset
                .geo_transform()
                .is_ok_and(|it| bits(&it) == bits(transform));
            read && dataset.spatial_ref().is_ok_and(|it| same(&it, system))
        };
        opened(pixel(self.fields.clone()), "GTiff", is_same).unwrap_or(false)
    }
}

/// Whether two systems are the same. In which order their coordinates are handed over belongs to
/// the program and not to the file.
fn same(one: &SpatialRef, other: &SpatialRef) -> bool {
    let in_order = |system: &SpatialRef| {
        let mut system = system.clone();
        system.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
        system
    };
    in_order(one) == in_order(other)
}

/// `EPSG:32629`, or the name of a system without a code.
pub(crate) fn system_name(system: &SpatialRef) -> String {
    let name = || {
        system
            .name()
            .unwrap_or_else(|| "a system without a name".into())
    };
    system.authority().unwrap_or_else(|_| name())
}

/// A TIFF of one pixel with these fields, in the order of their tags. It is for GDAL to read what
/// they say; nobody reads the pixel.
pub(crate) fn pixel(mut fields: Vec<Field>) -> Vec<u8> {
    // TIFF 6.0, section 4, a bilevel or grey image. Its strip is the first byte behind the header.
    fields.extend([
        Field::side(256, 1),      // ImageWidth
        Field::side(257, 1),      // ImageLength
        Field::shorts(258, &[8]), // BitsPerSample
        Field::shorts(259, &[1]), // Compression
        Field::shorts(262, &[1]), // PhotometricInterpretation
        Field::longs(273, &[8]),  // StripOffsets
        Field::shorts(277, &[1]), // SamplesPerPixel
        Field::longs(278, &[1]),  // RowsPerStrip
        Field::longs(279, &[1]),  // StripByteCounts
    ]);
    file_of_directories(&[fields])
}

/// The beginning of a classic TIFF with these directories, up to its samples.
pub(crate) fn file_of_directories(directories: &[Vec<Field>]) -> Vec<u8> {
    let mut directories = directories.to_vec();
    for fields in &mut directories {
        fields.sort_by_key(|field| field.tag);
    }
    TiffVariant::Classic.head(&[], &directories)
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
