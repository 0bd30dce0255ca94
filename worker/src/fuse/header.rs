//! What a band says about itself before it is decoded.

use super::error::{FuseError, Input};
use super::jp2::{self, Flaw, FlawKind};
use super::{WholeBand, sniff};

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

/// The headers of a complete JP2 file with one unsigned component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bits of a sample, 1 to 16; Sentinel-2 has 15.
    pub bits: u8,
    /// Components of the image; always 1 in what [`inspect`] returns.
    pub components: u16,
    /// Nominal tile width in pixels; the last tile of a row may be narrower.
    pub tile_width: u32,
    /// Nominal tile height in pixels; the tiles of the last row may be lower.
    pub tile_height: u32,
    /// Tiles in a row.
    pub tiles_across: u32,
    /// Rows of tiles.
    pub tiles_down: u32,
    /// Encoded bytes of the largest tile.
    pub largest_tile: u64,
    /// Bytes of the whole object.
    pub object_bytes: u64,
}

impl Header {
    /// The type that holds the samples.
    pub(super) fn sample_type(&self) -> SampleType {
        if self.bits <= 8 { SampleType::U8 } else { SampleType::U16 }
    }

    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width).saturating_mul(self.height.into())
    }
}

/// Reads the headers and checks that the file is complete: every tile, every tile-part, every byte of them.
///
/// It decodes nothing, and goes over the bytes once, in search of markers where none can be.
///
/// # Errors
/// [`FuseError::NotJp2`], [`Truncated`](FuseError::Truncated), [`Malformed`](FuseError::Malformed) or
/// [`Unsupported`](FuseError::Unsupported).
pub(super) fn inspect(band: &WholeBand) -> Result<Header, FuseError> {
    if let Some(looks_like) = sniff::looks_like(&band.bytes) {
        return Err(FuseError::NotJp2 { input: band.into(), looks_like });
    }
    let layout = jp2::check(&band.bytes).map_err(|flaw| explain(flaw, band.into()))?;
    let unsupported = |detail: String| Err(FuseError::Unsupported { input: band.into(), detail });
    if layout.components != 1 {
        return unsupported(format!("it has {} components, like a true-colour image", layout.components));
    }
    if layout.signed || layout.bits > 16 {
        let sign = if layout.signed { "signed" } else { "unsigned" };
        return unsupported(format!("its samples are {sign} with {} bits", layout.bits));
    }
    Ok(Header {
        width: layout.width,
        height: layout.height,
        bits: layout.bits,
        components: layout.components,
        tile_width: layout.tile_width,
        tile_height: layout.tile_height,
        tiles_across: layout.tiles_across,
        tiles_down: layout.tiles_down,
        largest_tile: layout.largest_tile,
        object_bytes: band.bytes.len() as u64,
    })
}

fn explain(flaw: Flaw, input: Input) -> FuseError {
    let Flaw { kind, offset, detail } = flaw;
    match kind {
        FlawKind::Truncated => FuseError::Truncated { input, offset, detail },
        FlawKind::Malformed => FuseError::Malformed { input, offset, detail },
        FlawKind::Unsupported => FuseError::Unsupported { input, detail },
    }
}

/// Fails unless all bands have the size and sample type of the first.
pub(super) fn agree(bands: &[WholeBand], headers: &[Header]) -> Result<(), FuseError> {
    let (Some((first_band, others)), Some((first, rest))) = (bands.split_first(), headers.split_first())
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
        if (header.width, header.height) != (first.width, first.height) {
            return Err(mismatch("size", |header| format!("is {}x{}", header.width, header.height)));
        }
        if header.sample_type() != first.sample_type() {
            return Err(mismatch("data type", |header| format!("has {}-bit samples", header.bits)));
        }
    }
    Ok(())
}
