//! How many packets a tile must have (ISO/IEC 15444-1 Annex B).

use super::codestream::MainHeader;

/// Packets of tile `index`, all components and layers; `None` if the numbers go beyond what is possible.
///
/// A tile has one packet per layer and precinct (B.9, B.10), and a packet has at least one byte. So the count tells
/// whether a tile is whole even where no marker says how many tile-parts it has.
pub(super) fn in_tile(main: &MainHeader, index: u32) -> Option<u64> {
    let size = &main.size;
    let (column, row) = (index.checked_rem(size.tiles_across)?, index.checked_div(size.tiles_across)?);
    let across = extent(column, size.tile_x0, size.tile_width, size.x0, size.x1)?;
    let down = extent(row, size.tile_y0, size.tile_height, size.y0, size.y1)?;
    let mut precincts = 0_u64;
    for resolution in 0..=main.coding.levels {
        let reduced = main.coding.levels.checked_sub(resolution)?;
        // Precincts of 2^15 are what applies where none are given (A.6.1).
        let (wide, high) = main.coding.precincts.get(usize::from(resolution)).copied().unwrap_or((15, 15));
        let here = count(across, reduced, wide).checked_mul(count(down, reduced, high))?;
        precincts = precincts.checked_add(here)?;
    }
    precincts.checked_mul(main.coding.layers.into())?.checked_mul(size.component_count().into())
}

/// First and last coordinate (exclusive) of a tile along one axis (B-7 to B-10).
fn extent(position: u32, tile0: u32, tile: u32, image0: u32, image1: u32) -> Option<(u64, u64)> {
    let start = u64::from(tile0).checked_add(u64::from(position).checked_mul(tile.into())?)?;
    let end = start.checked_add(tile.into())?;
    Some((start.max(image0.into()), end.min(image1.into())))
}

/// Precincts along one axis of a resolution level that is `reduced` times halved (B-14, B-16).
fn count((start, end): (u64, u64), reduced: u8, exponent: u8) -> u64 {
    let scale = 1_u64 << reduced.min(32);
    let (start, end) = (start.div_ceil(scale), end.div_ceil(scale));
    if end <= start {
        return 0;
    }
    let precinct = 1_u64 << exponent.min(15);
    end.div_ceil(precinct).saturating_sub(start / precinct)
}
