//! How much memory a fusion takes, from the headers.

use crate::cog::{CHUNK, Shape};
use crate::gdal::BLOCK_CACHE_MIB;
use crate::input::OpenedBand;
use crate::pipeline::layout::Layout;
use crate::pipeline::limits::Limits;
use crate::pipeline::spare::SLACK;

const MIB: u64 = 1 << 20;

/// Upper bound in bytes of what a fusion allocates at its worst moment. Saturates instead of
/// overflowing.
///
/// `layout` is that of the input, `output` the shape of the output, and `kernel` the bytes that a
/// thread's kernel allocates.
pub(crate) fn needed(
    layout: &Layout,
    output: Shape,
    bands: &[OpenedBand],
    kernel: u64,
    threads: usize,
) -> u64 {
    let grids: Vec<_> = bands.iter().map(|band| &band.header.grid).collect();
    let open = Limits::new(layout, &grids, threads).open;
    let chunks = open.saturating_add(open / SLACK);
    // A thread's largest tile and what its decoder needs; half a chunk for what becomes overviews,
    // and compressed tiles; the windows and what the kernel makes of them.
    let tile = |band: &OpenedBand| {
        band.working
            .saturating_add(band.header.grid.largest().saturating_mul(2))
    };
    let sample_bytes = output.nodata.sample_type().bytes();
    let output_chunk = u64::from(CHUNK.min(output.width))
        .saturating_mul(CHUNK.min(output.height).into())
        .saturating_mul(sample_bytes)
        .saturating_mul(output.bands as u64);
    let thread = bands
        .iter()
        .map(tile)
        .max()
        .unwrap_or_default()
        .saturating_add(output_chunk)
        .saturating_add(layout.window_bytes())
        .saturating_add(kernel);
    let threads = thread.saturating_mul(threads as u64);

    let samples = u64::from(output.width)
        .saturating_mul(sample_bytes)
        .saturating_mul(output.bands as u64);
    let image = samples.saturating_mul(output.height.into());
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
