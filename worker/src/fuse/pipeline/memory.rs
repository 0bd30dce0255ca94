//! How much memory a fusion takes, told from the headers.

use super::cog::Shape;
use super::input::Opened;
use super::layout;

/// GDAL's cache of raster blocks, in MiB. One for the whole process, see `GDAL_CACHEMAX` among
/// GDAL's configuration options. Only what this project's own decoder does not take goes through
/// it, block by block.
pub(super) const BLOCK_CACHE_MIB: u64 = 64;

const MIB: u64 = 1 << 20;

/// Upper bound in bytes of what a fusion allocates at its worst moment. Saturates instead of
/// overflowing.
pub(super) fn needed(shape: Shape, bands: &[Opened], threads: usize) -> u64 {
    let grids: Vec<_> = bands.iter().map(|band| &band.header.grid).collect();
    let layout = layout(shape);
    let chunks = layout
        .chunk_bytes()
        .saturating_mul(layout.limit(&grids, threads) as u64);
    // A thread's largest tile and what its decoder needs; half a chunk for what becomes overviews,
    // and compressed tiles.
    let tile = |band: &Opened| {
        band.working
            .saturating_add(band.header.grid.largest().saturating_mul(2))
    };
    let thread = bands
        .iter()
        .map(tile)
        .max()
        .unwrap_or_default()
        .saturating_add(layout.chunk_bytes());
    let threads = thread.saturating_mul(threads as u64);

    let samples = u64::from(shape.width)
        .saturating_mul(shape.sample_type.bytes())
        .saturating_mul(shape.bands as u64);
    let image = samples.saturating_mul(shape.height.into());
    // Overviews wait for the head, a third of the image if nothing can be compressed.
    let overviews = image / 3;
    // Tiles that came before their turn: those of the row of chunks at hand, and of the one that
    // some threads are in.
    let waiting = image.min(samples.saturating_mul(2 * 1024));
    let held = bands
        .iter()
        .map(|band| band.held)
        .fold(0, u64::saturating_add);
    let cache = if held == 0 { 0 } else { BLOCK_CACHE_MIB * MIB };
    [chunks, threads, overviews, waiting, held, cache, 16 * MIB]
        .into_iter()
        .fold(0, u64::saturating_add)
}
