//! The decoder under test.

use std::ops::Range;

use bytes::Bytes;
use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, TileDecoder, Tiles};

use super::image::Raster;

/// Samples of the largest image to decode from a damaged file.
pub(crate) const DAMAGED_LIMIT: usize = 1 << 24;

/// Decodes a file of up to `limit` samples. Returns the image, and the tiles in the order in which
/// they came.
pub(crate) fn decoded_within(limit: usize, file: &Bytes) -> Result<(Raster, Vec<u32>), Error> {
    let unsupported = |detail: &str| {
        Error::from(Flaw {
            kind: FlawKind::Unsupported,
            offset: 0,
            detail: detail.to_owned(),
        })
    };
    let image = Image::read(file)?;
    if let Some(reason) = image.outside_profile() {
        return Err(unsupported(reason));
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    if width.saturating_mul(height) > limit {
        return Err(unsupported("it is larger than the test allows"));
    }
    // A tile that is not written would leave this value.
    let mut samples = vec![0xabcd; width * height];
    let mut order = Vec::new();
    let mut decoder = TileDecoder::new();
    let mut tiles = Tiles::new(&image);
    while let Some(tile) = tiles.next(file)? {
        let (x, y, ..) = image.tile_rect(tile.index);
        let first = y as usize * width + x as usize;
        decoder.decode(
            &image,
            tile.index,
            &parts(file, &tile.parts),
            &mut samples[first..],
            width,
            &|| false,
        )?;
        order.push(tile.index);
    }
    Ok((
        Raster {
            width,
            height,
            samples,
        },
        order,
    ))
}

/// Decodes a file of any size, as [`decoded_within`] does.
pub(crate) fn decoded(file: &Bytes) -> Result<(Raster, Vec<u32>), Error> {
    decoded_within(usize::MAX, file)
}

/// The tile-parts at `ranges`, with their positions in the file.
pub(crate) fn parts(file: &Bytes, ranges: &[Range<u64>]) -> Vec<(u64, Bytes)> {
    let at = |offset: u64| usize::try_from(offset).expect("the file is in memory");
    ranges
        .iter()
        .map(|range| (range.start, file.slice(at(range.start)..at(range.end))))
        .collect()
}
