//! What a COG is made of besides its pixels, and what comes of it.

use bytes::Bytes;

use crate::cog::file::GeoTags;
use crate::cog::statistics::BandStatistics;
use crate::sample::Nodata;
use crate::scale::ScaleOffset;

/// Sides of a chunk in pixels.
pub const CHUNK: u32 = 1024;

/// Size and type of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Three of unsigned samples are marked as red, green and blue.
    pub bands: usize,
    /// Type and nodata value of all bands.
    pub nodata: Nodata,
}

/// What is said about an image besides its pixels.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Of the bands, such as `B04`.
    pub names: Vec<String>,
    /// What the numbers of each band stand for; those of bands without one stand for themselves.
    pub scales: Vec<Option<ScaleOffset>>,
    /// Items of the image as a whole; those named `TIFFTAG_…` become tags. Keys need no escaping:
    /// letters, digits, `_-.`.
    pub metadata: Vec<(String, String)>,
    /// Where it lies.
    pub georeference: GeoTags,
}

/// What there is at the end besides the body.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The bytes in front of the body, a multiple of 4096, in pieces.
    pub head: Vec<Bytes>,
    /// Length of what the output has received.
    pub body_bytes: u64,
    /// In the order of the bands.
    pub statistics: Vec<BandStatistics>,
    /// Factors of the overviews, smallest first: 2 to 32 for an image of at least 32 pixels a side.
    pub overviews: Vec<u32>,
}
