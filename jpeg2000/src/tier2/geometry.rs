//! How a tile is divided: resolution levels, subbands, precincts and code blocks (ISO/IEC 15444-1
//! B.5 to B.7).

use std::ops::Range;

use crate::codestream::cod::{CodingStyle, Progression, Quantization};
use crate::rect::Rect;
use crate::tier1::Subband;

/// A subband of a tile (B.5).
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) subband: Subband,
    pub(crate) rect: Rect,
    /// Magnitude bit-planes, Mb (E-2).
    pub(crate) planes: u8,
    /// Where its first coefficient is stored; the others follow row by row without gaps.
    storage: usize,
    /// Exponents of the size of its precincts, in its own coordinates.
    precinct: (u8, u8),
    /// Exponents of the size of its code blocks (B.7).
    block: (u8, u8),
}

impl Band {
    /// Where its coefficients are among those of the tile.
    pub(crate) fn storage(&self) -> Range<usize> {
        let length = usize::try_from(self.rect.area()).unwrap_or(usize::MAX);
        self.storage..self.storage.saturating_add(length)
    }

    /// The code blocks of the precinct at a column and row of the partition, as columns and rows of
    /// blocks that touch its samples; empty where it has none here.
    pub(crate) fn blocks(&self, (column, row): (u32, u32)) -> Rect {
        let part = cell(self.rect, self.precinct, (column, row));
        if part.is_empty() {
            return Rect {
                x0: 0,
                y0: 0,
                x1: 0,
                y1: 0,
            };
        }
        let (wide, tall) = self.block;
        let last = |end: u32, exponent: u8| (end.saturating_sub(1) >> exponent).saturating_add(1);
        Rect {
            x0: part.x0 >> wide,
            y0: part.y0 >> tall,
            x1: last(part.x1, wide),
            y1: last(part.y1, tall),
        }
    }

    /// The samples of a code block, in coordinates of the subband. Precincts are whole multiples of
    /// code blocks, so only the subband itself cuts blocks off.
    pub(crate) fn block(&self, column: u32, row: u32) -> Rect {
        cell(self.rect, self.block, (column, row))
    }
}

/// The part of `rect` in a cell of the partition into cells of `2^exponents` anchored at 0, 0.
fn cell(rect: Rect, (wide, tall): (u8, u8), (column, row): (u32, u32)) -> Rect {
    let bounds = |position: u32, exponent: u8, low: u32, high: u32| {
        let start = u64::from(position) << exponent;
        let end = start + (1 << exponent);
        let clamped = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).clamp(low, high);
        (clamped(start), clamped(end))
    };
    let (x0, x1) = bounds(column, wide, rect.x0, rect.x1);
    let (y0, y1) = bounds(row, tall, rect.y0, rect.y1);
    Rect { x0, y0, x1, y1 }
}

/// A resolution level of a tile (B.5).
#[derive(Clone, Debug)]
pub(crate) struct Resolution {
    pub(crate) rect: Rect,
    /// LL alone at level 0, otherwise HL, LH and HH.
    pub(crate) bands: Vec<Band>,
    /// Times that the image was halved to come here.
    reduced: u8,
    /// Exponents of the size of its precincts.
    precinct: (u8, u8),
    /// Columns and rows of precincts of the partition anchored at 0, 0 that it touches.
    precincts: Rect,
    /// Number of its first precinct among those of the tile.
    pub(crate) first_precinct: u64,
}

impl Resolution {
    fn precinct_count(&self) -> u64 {
        self.precincts.area()
    }

    /// Column and row in the partition of precinct `index`, counted row by row within the
    /// resolution level (B.6).
    pub(crate) fn precinct_position(&self, index: u32) -> (u32, u32) {
        let across = self.precincts.width().max(1);
        (
            self.precincts.x0 + index % across,
            self.precincts.y0 + index / across,
        )
    }
}

/// A packet's precinct: resolution level, and number within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PrecinctIndex {
    pub(crate) resolution: u8,
    pub(crate) index: u32,
}

/// The division of a tile.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    rect: Rect,
    pub(crate) resolutions: Vec<Resolution>,
    /// Precincts of all resolution levels.
    pub(crate) precincts: u64,
    /// Code blocks of all subbands, counted generously.
    pub(crate) blocks: u64,
    samples: usize,
}

/// `value / 2^exponent`, rounded up.
fn halved(value: u64, exponent: u8) -> u32 {
    u32::try_from(value.div_ceil(1 << exponent)).unwrap_or(u32::MAX)
}

/// Coordinates of a subband that is high-pass along an axis where `high` is 1 (B-15).
fn subband_rect(tile: Rect, reduced: u8, high: (u64, u64)) -> Rect {
    let half = (1_u64 << reduced) >> 1;
    // Below 0 the quotient is more than -1, which rounds up to 0.
    let at = |value: u32, high: u64| halved(u64::from(value).saturating_sub(half * high), reduced);
    Rect {
        x0: at(tile.x0, high.0),
        y0: at(tile.y0, high.1),
        x1: at(tile.x1, high.0),
        y1: at(tile.y1, high.1),
    }
}

impl Grid {
    /// Divides a tile, given on the reference grid. A subband that the quantization lacks has no
    /// bit-planes.
    pub(crate) fn new(tile: Rect, coding: &CodingStyle, quantization: &Quantization) -> Self {
        let mut grid = Self {
            rect: tile,
            resolutions: Vec::new(),
            precincts: 0,
            blocks: 0,
            samples: 0,
        };
        let mut storage = 0_usize;
        let mut number = 0;
        for level in 0..=coding.levels {
            let reduced = coding.levels - level;
            let rect = subband_rect(tile, reduced, (0, 0));
            let (wide, tall) = coding.precinct(level);
            let kinds: &[(Subband, (u64, u64))] = match level {
                0 => &[(Subband::Ll, (0, 0))],
                _ => &[
                    (Subband::Hl, (1, 0)),
                    (Subband::Lh, (0, 1)),
                    (Subband::Hh, (1, 1)),
                ],
            };
            // Subbands above level 0 have half the resolution, and so have precincts in them (B.7).
            let halving = u8::from(level > 0);
            let precinct = (wide.saturating_sub(halving), tall.saturating_sub(halving));
            let block = (
                coding.block.0.min(precinct.0),
                coding.block.1.min(precinct.1),
            );
            let mut bands = Vec::with_capacity(kinds.len());
            for &(subband, high) in kinds {
                let rect = subband_rect(tile, reduced + halving, high);
                let planes = quantization.planes(number).unwrap_or_default();
                bands.push(Band {
                    subband,
                    rect,
                    planes,
                    storage,
                    precinct,
                    block,
                });
                let across = u64::from(rect.width() >> block.0) + 2;
                let down = u64::from(rect.height() >> block.1) + 2;
                grid.blocks = grid.blocks.saturating_add(across * down);
                storage =
                    storage.saturating_add(usize::try_from(rect.area()).unwrap_or(usize::MAX));
                number += 1;
            }
            let last =
                |end: u32, exponent: u8| (end.saturating_sub(1) >> exponent).saturating_add(1);
            let precincts = if rect.is_empty() {
                Rect {
                    x0: 0,
                    y0: 0,
                    x1: 0,
                    y1: 0,
                }
            } else {
                Rect {
                    x0: rect.x0 >> wide,
                    y0: rect.y0 >> tall,
                    x1: last(rect.x1, wide),
                    y1: last(rect.y1, tall),
                }
            };
            let resolution = Resolution {
                rect,
                bands,
                reduced,
                precinct: (wide, tall),
                precincts,
                first_precinct: grid.precincts,
            };
            grid.precincts = grid.precincts.saturating_add(resolution.precinct_count());
            grid.resolutions.push(resolution);
        }
        grid.samples = storage;
        grid
    }

    /// Samples of the tile, or coefficients of all its subbands.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// The precincts resolution by resolution, each row by row.
    fn by_resolution(&self, level: usize) -> impl Iterator<Item = PrecinctIndex> {
        let count = self
            .resolutions
            .get(level)
            .map_or(0, Resolution::precinct_count);
        // At most as many as there are samples along both axes, which the caller has bounded.
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let resolution = u8::try_from(level).unwrap_or(u8::MAX);
        (0..count).map(move |index| PrecinctIndex { resolution, index })
    }

    /// The precincts by position of their upper left corner, then by resolution (B.12.1.4).
    fn by_position(&self) -> Vec<PrecinctIndex> {
        let corner = |position: u32, exponent: u8, reduced: u8, start: u32, tile: u32| {
            let start_of_cell = u64::from(position) << exponent;
            // A precinct that begins in front of the tile is visited where the tile begins.
            if start_of_cell < u64::from(start) {
                u64::from(tile)
            } else {
                start_of_cell << reduced
            }
        };
        let mut order = Vec::new();
        for (level, resolution) in self.resolutions.iter().enumerate() {
            for precinct in self.by_resolution(level) {
                let (column, row) = resolution.precinct_position(precinct.index);
                let (rect, (wide, tall)) = (resolution.rect, resolution.precinct);
                let x = corner(column, wide, resolution.reduced, rect.x0, self.rect.x0);
                let y = corner(row, tall, resolution.reduced, rect.y0, self.rect.y0);
                order.push(((y, x, precinct.resolution), precinct));
            }
        }
        order.sort_by_key(|&(key, _)| key);
        order.into_iter().map(|(_, precinct)| precinct).collect()
    }

    /// Every packet of the tile, as layer and precinct, in the order of the codestream (B.12.1).
    ///
    /// The number of precincts is bounded by the caller, against the bytes that there are.
    pub(crate) fn packets(
        &self,
        progression: Progression,
        layers: u16,
    ) -> Box<dyn Iterator<Item = (u16, PrecinctIndex)> + '_> {
        let levels = 0..self.resolutions.len();
        let all = move |precinct| (0..layers).map(move |layer| (layer, precinct));
        match progression {
            Progression::LayerResolution => Box::new((0..layers).flat_map(move |layer| {
                let levels = levels.clone().flat_map(|level| self.by_resolution(level));
                levels.map(move |precinct| (layer, precinct))
            })),
            Progression::ResolutionLayer => Box::new(levels.flat_map(move |level| {
                let layers = 0..layers;
                layers.flat_map(move |layer| {
                    self.by_resolution(level)
                        .map(move |precinct| (layer, precinct))
                })
            })),
            Progression::ResolutionPosition => Box::new(
                levels
                    .flat_map(|level| self.by_resolution(level))
                    .flat_map(all),
            ),
            Progression::PositionResolution | Progression::ComponentPosition => {
                Box::new(self.by_position().into_iter().flat_map(all))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codestream::marker::{COD, QCD, Segment};

    fn segment(marker: u16, content: Vec<u8>) -> Segment {
        Segment {
            marker,
            offset: 0,
            content: Bytes::from(content),
            next: 0,
        }
    }

    fn grid(tile: Rect, levels: u8, precinct: (u8, u8)) -> Grid {
        let mut style = vec![1, 0, 0, 1, 0, levels, 4, 4, 0, 1];
        style.extend((0..=levels).map(|_| precinct.0 | precinct.1 << 4));
        let coding = CodingStyle::read(&segment(COD, style)).expect("the coding style is legal");
        let steps = std::iter::once(0x40)
            .chain((0..=3 * levels).map(|_| 10 << 3))
            .collect();
        let quantization =
            Quantization::read(&segment(QCD, steps)).expect("the quantization is legal");
        Grid::new(tile, &coding, &quantization)
    }

    /// The loops of B.12.1.4 to the letter, for one component without subsampling.
    fn by_the_standard(tile: Rect, grid: &Grid) -> Vec<PrecinctIndex> {
        let levels = grid.resolutions.len() - 1;
        let mut order = Vec::new();
        for y in tile.y0..tile.y1 {
            for x in tile.x0..tile.x1 {
                for (r, resolution) in grid.resolutions.iter().enumerate() {
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
            let grid = grid(tile, levels, (wide, tall));
            let order = grid.by_position();
            prop_assert_eq!(order.len() as u64, grid.precincts);
            prop_assert_eq!(order, by_the_standard(tile, &grid));
        }

        #[test]
        fn code_blocks_cover_every_coefficient_once(
            (x0, y0, width, height) in (0_u32..90, 0_u32..90, 1_u32..90, 1_u32..90),
            (levels, wide, tall) in (0_u8..5, 1_u8..6, 1_u8..6),
        ) {
            let tile = Rect { x0, y0, x1: x0 + width, y1: y0 + height };
            let grid = grid(tile, levels, (wide, tall));
            let mut times = vec![0; grid.samples()];
            prop_assert_eq!(grid.samples() as u64, tile.area());
            let mut blocks = 0;
            for (level, resolution) in grid.resolutions.iter().enumerate() {
                for precinct in grid.by_resolution(level) {
                    for band in &resolution.bands {
                        let cells = band.blocks(resolution.precinct_position(precinct.index));
                        blocks += cells.area();
                        for (column, row) in (cells.x0..cells.x1).flat_map(|x| (cells.y0..cells.y1).map(move |y| (x, y))) {
                            let block = band.block(column, row);
                            prop_assert!(!block.is_empty());
                            for (x, y) in (block.x0..block.x1).flat_map(|x| (block.y0..block.y1).map(move |y| (x, y))) {
                                let place = (y - band.rect.y0) * band.rect.width() + (x - band.rect.x0);
                                times[band.storage().start + place as usize] += 1;
                            }
                        }
                    }
                }
            }
            prop_assert!(times.iter().all(|&times| times == 1));
            prop_assert!(blocks <= grid.blocks);
        }
    }
}
