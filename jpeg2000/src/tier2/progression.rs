//! The order of the packets of a tile (B.12).

use super::geometry::{PrecinctIndex, Resolution, TileGeometry};
use crate::codestream::Progression;

/// Every packet of a tile, as layer and precinct, in the order of the codestream (B.12.1).
///
/// The caller must bound the number of precincts, by the bytes that the tile has for them.
pub(super) fn packet_order(
    geometry: &TileGeometry,
    progression: Progression,
    layers: u16,
) -> Box<dyn Iterator<Item = (u16, PrecinctIndex)> + '_> {
    let levels = 0..geometry.resolutions.len();
    let all_layers = move |precinct| (0..layers).map(move |layer| (layer, precinct));
    match progression {
        Progression::Lrcp => Box::new((0..layers).flat_map(move |layer| {
            let levels = levels.clone();
            let precincts = levels.flat_map(|level| by_resolution(geometry, level));
            precincts.map(move |precinct| (layer, precinct))
        })),
        Progression::Rlcp => Box::new(levels.flat_map(move |level| {
            let layers = 0..layers;
            layers.flat_map(move |layer| {
                by_resolution(geometry, level).map(move |precinct| (layer, precinct))
            })
        })),
        Progression::Rpcl => Box::new(
            levels
                .flat_map(|level| by_resolution(geometry, level))
                .flat_map(all_layers),
        ),
        // With one component, both orders are by position.
        Progression::Pcrl | Progression::Cprl => {
            Box::new(by_position(geometry).into_iter().flat_map(all_layers))
        }
    }
}

/// The precincts of a resolution level, row by row.
pub(super) fn by_resolution(
    geometry: &TileGeometry,
    level: usize,
) -> impl Iterator<Item = PrecinctIndex> + use<> {
    let count = geometry
        .resolutions
        .get(level)
        .map_or(0, Resolution::precinct_count);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let resolution = u8::try_from(level).unwrap_or(u8::MAX);
    (0..count).map(move |index| PrecinctIndex { resolution, index })
}

/// All precincts by the position of their upper left corner, then by resolution (B.12.1.4).
fn by_position(geometry: &TileGeometry) -> Vec<PrecinctIndex> {
    let corner = |position: u32, exponent: u8, halvings: u8, start: u32, tile: u32| {
        let start_of_cell = u64::from(position) << exponent;
        // A precinct that begins before the tile has the position where the tile begins.
        if start_of_cell < u64::from(start) {
            u64::from(tile)
        } else {
            start_of_cell << halvings
        }
    };
    let tile = geometry.rect;
    let mut order = Vec::new();
    for (level, resolution) in geometry.resolutions.iter().enumerate() {
        for precinct in by_resolution(geometry, level) {
            let (column, row) = resolution.precinct_position(precinct.index);
            let (rect, (wide, tall)) = (resolution.rect, resolution.precinct);
            let x = corner(column, wide, resolution.halvings, rect.x0, tile.x0);
            let y = corner(row, tall, resolution.halvings, rect.y0, tile.y0);
            order.push(((y, x, precinct.resolution), precinct));
        }
    }
    order.sort_by_key(|&(key, _)| key);
    order.into_iter().map(|(_, precinct)| precinct).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rect::Rect;
    use crate::tier2::geometry::tests::geometry;

    /// The loops of B.12.1.4 as the standard has them, for one component without subsampling.
    fn by_the_standard(tile: Rect, geometry: &TileGeometry) -> Vec<PrecinctIndex> {
        let levels = geometry.resolutions.len() - 1;
        let mut order = Vec::new();
        for y in tile.y0..tile.y1 {
            for x in tile.x0..tile.x1 {
                for (r, resolution) in geometry.resolutions.iter().enumerate() {
                    let reduced = levels - r;
                    let ((wide, tall), rect) = (resolution.precinct, resolution.rect);
                    let hits = |at: u32, exponent: u8, tile: u32, start: u32| {
                        let step = 1
                            << (u32::from(exponent) + u32::try_from(reduced).expect("at most 32"));
                        at.is_multiple_of(step)
                            || at == tile && !(start << reduced).is_multiple_of(step)
                    };
                    let here = hits(y, tall, tile.y0, rect.y0) && hits(x, wide, tile.x0, rect.x0);
                    if !here || rect.is_empty() {
                        continue;
                    }
                    let column = (x.div_ceil(1 << reduced) >> wide) - (rect.x0 >> wide);
                    let row = (y.div_ceil(1 << reduced) >> tall) - (rect.y0 >> tall);
                    let across = rect.x1.div_ceil(1 << wide) - (rect.x0 >> wide);
                    let resolution = u8::try_from(r).expect("at most 32");
                    order.push(PrecinctIndex {
                        resolution,
                        index: column + row * across,
                    });
                }
            }
        }
        order
    }

    proptest! {
        #[test]
        fn precincts_come_in_the_positions_of_the_standard(
            (x0, y0, width, height) in (0_u32..90, 0_u32..90, 1_u32..60, 1_u32..60),
            (levels, wide, tall) in (0_u8..5, 1_u8..6, 1_u8..6),
        ) {
            let tile = Rect { x0, y0, x1: x0 + width, y1: y0 + height };
            let geometry = geometry(tile, levels, (wide, tall));
            let order = by_position(&geometry);
            prop_assert_eq!(order.len() as u64, geometry.precinct_count);
            prop_assert_eq!(order, by_the_standard(tile, &geometry));
        }
    }
}
