//! What a band says about itself before it is decoded.

use gdal::Dataset;

use crate::band::Band;
use crate::error::FuseError;
use crate::grid::TileGrid;
use crate::sample::SampleType;
use crate::scale::ScaleOffset;

/// Pixels that an image may have: 65536 x 65536. A Sentinel-2 band has a fortieth of it.
const MOST_PIXELS: u64 = 1 << 32;

/// The shape of a band of one unsigned component.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) grid: TileGrid,
    /// Bits of a sample, 1 to 16; Sentinel-2 has 15.
    pub(crate) bits: u8,
    /// What its numbers stand for, if the file says that they do not stand for themselves.
    pub(crate) scale: Option<ScaleOffset>,
}

impl Header {
    /// The type that holds the samples.
    pub(crate) fn sample_type(&self) -> SampleType {
        if self.bits <= 8 {
            SampleType::U8
        } else {
            SampleType::U16
        }
    }
}

/// Fails for an image so large that no satellite took it.
pub(crate) fn check_size(band: &Band, width: u32, height: u32) -> Result<(), FuseError> {
    if u64::from(width) * u64::from(height) <= MOST_PIXELS {
        return Ok(());
    }
    let detail = format!("it has {width}x{height} pixels, more than {MOST_PIXELS} in all");
    Err(FuseError::Unsupported {
        input: band.into(),
        detail,
    })
}

/// Scale and offset of a file of one band.
pub(crate) fn read_scale(dataset: &Dataset, band: &Band) -> Result<Option<ScaleOffset>, FuseError> {
    let Ok(raster) = dataset.rasterband(1) else {
        return Ok(None);
    };
    match ScaleOffset::of(&raster) {
        Some(scale) if !scale.is_usable() => Err(FuseError::Unsupported {
            input: band.into(),
            detail: format!("it has {scale}, which give no value"),
        }),
        scale => Ok(scale),
    }
}

/// Fails unless all bands have the size and sample type of the first.
pub(crate) fn agree(bands: &[Band], headers: &[&Header]) -> Result<(), FuseError> {
    let (Some((first_band, others)), Some((first, rest))) =
        (bands.split_first(), headers.split_first())
    else {
        return Ok(());
    };
    for (band, header) in others.iter().zip(rest) {
        let mismatch = |what, describe: fn(&Header) -> String| FuseError::BandMismatch {
            what,
            one: Box::new(band.into()),
            one_has: describe(header),
            other: Box::new(first_band.into()),
            other_has: describe(first),
        };
        if (header.grid.width, header.grid.height) != (first.grid.width, first.grid.height) {
            return Err(mismatch("size", |header| {
                format!("is {}x{}", header.grid.width, header.grid.height)
            }));
        }
        if header.sample_type() != first.sample_type() {
            return Err(mismatch("data type", |header| {
                format!("has {}-bit samples", header.bits)
            }));
        }
    }
    Ok(())
}
