//! A raster in memory as the bytes of a cloud-optimised `GeoTIFF`.

use bytes::Bytes;
use gdal::raster::RasterCreationOptions;
use gdal::{Dataset, DriverManager, vsi};

use super::assemble::Assembled;
use super::error::FuseError;
use super::scratch::Scratch;
use super::session::Session;

/// Width and height of the output's tiles in pixels.
const TILE_SIZE: usize = 512;

/// Validators take a raster for untiled if it is exactly as wide as its tiles, and object to that where it is higher
/// than 512. So one that comes out this wide, at any overview level, gets half the tile size.
fn tile_size(width: usize, height: usize, overviews: &[u32]) -> usize {
    let looks_untiled = |factor: &u32| {
        let factor = usize::try_from(*factor).unwrap_or(usize::MAX);
        width.div_ceil(factor) == TILE_SIZE && height.div_ceil(factor) > TILE_SIZE
    };
    if std::iter::once(&1).chain(overviews).any(looks_untiled) { TILE_SIZE / 2 } else { TILE_SIZE }
}

/// How the output is compressed; always with the horizontal predictor (TIFF 6.0, section 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Read by everything that reads TIFF.
    Deflate {
        /// 1 is fastest, 9 smallest.
        level: u8,
    },
    /// Faster at the same size, for readers with libtiff 4.0.10 or later.
    Zstd {
        /// 1 is fastest, 22 smallest.
        level: u8,
    },
}

impl Default for Compression {
    fn default() -> Self {
        Self::Deflate { level: 6 }
    }
}

impl Compression {
    fn name_and_level(self) -> (&'static str, u8) {
        match self {
            Self::Deflate { level } => ("DEFLATE", level.clamp(1, 9)),
            Self::Zstd { level } => ("ZSTD", level.clamp(1, 22)),
        }
    }
}

/// Writes the raster with GDAL's COG driver, using the overviews that it has.
pub(super) fn cog(
    session: &Session,
    scratch: &Scratch,
    assembled: Assembled,
    compression: Compression,
) -> Result<Bytes, FuseError> {
    let path = scratch.path("output.tif");
    let (width, height) = assembled.dataset.raster_size();
    let tile_size = tile_size(width, height, &assembled.overviews);
    let options = options(compression, tile_size, !assembled.overviews.is_empty())
        .map_err(|error| session.internal("set options of its driver COG", &error))?;
    let driver = DriverManager::get_driver_by_name("COG")
        .map_err(|error| session.internal("find its driver COG", &error))?;
    assembled
        .dataset
        .create_copy(&driver, &path, &options)
        .and_then(Dataset::close)
        .map_err(|error| session.internal("write the COG", &error))?;
    // The last tiles are written on closing, and an error there shows only as a message.
    if let Some(detail) = session.heard() {
        return Err(FuseError::Internal { step: "write the COG", detail });
    }
    // The pixels go before the file is copied out, so that the copy does not add to the peak.
    drop(assembled);
    let bytes = vsi::get_vsi_mem_file_bytes_owned(&path)
        .map_err(|error| session.internal("hand over the COG", &error))?;
    Ok(bytes.into())
}

/// See "COG -- Cloud Optimized `GeoTIFF` generator" among GDAL's raster drivers.
fn options(
    compression: Compression,
    tile_size: usize,
    overviews: bool,
) -> gdal::errors::Result<RasterCreationOptions> {
    let (name, level) = compression.name_and_level();
    let mut options = RasterCreationOptions::new();
    options.set_name_value("COMPRESS", name)?;
    options.set_name_value("LEVEL", &level.to_string())?;
    options.set_name_value("PREDICTOR", "STANDARD")?;
    options.set_name_value("OVERVIEW_COMPRESS", name)?;
    options.set_name_value("OVERVIEW_PREDICTOR", "STANDARD")?;
    options.set_name_value("BLOCKSIZE", &tile_size.to_string())?;
    options.set_name_value("OVERVIEWS", if overviews { "FORCE_USE_EXISTING" } else { "NONE" })?;
    options.set_name_value("BIGTIFF", "IF_SAFER")?;
    options.set_name_value("NUM_THREADS", "1")?;
    Ok(options)
}
