//! What a band says about itself before it is decoded.

use super::Band;
use super::error::FuseError;
use super::grid::Grid;

/// Type of the samples, in the input and in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleType {
    /// Up to 8 bits, GDAL's `Byte`.
    U8,
    /// 9 to 16 bits, GDAL's `UInt16`.
    U16,
}

impl SampleType {
    /// Bytes of one sample.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
        }
    }
}

/// Pixels that an image may have: 65536 x 65536. A Sentinel-2 band has a fortieth of it.
const MOST_PIXELS: u64 = 1 << 32;

/// The shape of a band of one unsigned component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) grid: Grid,
    /// Bits of a sample, 1 to 16; Sentinel-2 has 15.
    pub(super) bits: u8,
}

impl Header {
    /// The type that holds the samples.
    pub(super) fn sample_type(&self) -> SampleType {
        if self.bits <= 8 {
            SampleType::U8
        } else {
            SampleType::U16
        }
    }
}

/// Fails for an image so large that no satellite took it.
pub(super) fn check_size(band: &Band, width: u32, height: u32) -> Result<(), FuseError> {
    if u64::from(width) * u64::from(height) <= MOST_PIXELS {
        return Ok(());
    }
    let detail = format!("it has {width}x{height} pixels, more than {MOST_PIXELS} in all");
    Err(FuseError::Unsupported {
        input: band.into(),
        detail,
    })
}

/// Fails unless all bands have the size and sample type of the first.
pub(super) fn agree(bands: &[Band], headers: &[&Header]) -> Result<(), FuseError> {
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
