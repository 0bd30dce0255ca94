//! How much memory a fusion takes, told from the headers.

use super::header::Header;

/// GDAL's cache of raster blocks, in MiB. One for the whole process, see `GDAL_CACHEMAX` among GDAL's configuration
/// options; decoding goes around it, so that it only has to hold what the TIFF writer works on.
pub(super) const BLOCK_CACHE_MIB: u64 = 64;

const MIB: u64 = 1 << 20;

/// Upper bound in bytes of what [`fuse`](super::fuse) allocates for bands with these headers, at its worst moment.
///
/// The bands' own bytes are not in it: they are the caller's. Saturates instead of overflowing.
pub(super) fn memory_needed(headers: &[Header]) -> u64 {
    let pixels = headers.iter().map(|header| header.pixels().saturating_mul(header.sample_type().bytes()));
    let pixels = pixels.fold(0, u64::saturating_add);
    // Overviews halve both sides each time: a third of the image, and rounding up at small sizes.
    let pyramid = pixels.saturating_add(pixels / 3).saturating_add(MIB);

    let decoding = headers.iter().map(decoding).max().unwrap_or_default();
    // Incompressible pixels come out as large as they went in, and GDAL's memory file grows in steps of a tenth.
    let file = pyramid.saturating_add(pyramid / 8);
    let while_decoding = pixels.saturating_add(decoding);
    let while_writing = pyramid.saturating_add(file);
    let while_copying = file.saturating_mul(2);
    let worst = while_decoding.max(while_writing).max(while_copying);
    // The writer works on rows of tiles besides the cache.
    worst.saturating_add((2 * BLOCK_CACHE_MIB + 32) * MIB)
}

/// What decoding one band takes besides its pixels: a copy of the object, and one tile inside `OpenJPEG`.
fn decoding(header: &Header) -> u64 {
    let tile = u64::from(header.tile_width.min(header.width));
    let tile = tile.saturating_mul(header.tile_height.min(header.height).into());
    // 32-bit samples twice (transform and result) and the block handed over, and the encoded tile with OpenJPEG's
    // bookkeeping of code blocks.
    let tile = tile.saturating_mul(16).saturating_add(header.largest_tile.saturating_mul(4));
    header.object_bytes.saturating_add(tile)
}
