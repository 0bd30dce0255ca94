//! How a tile is divided: resolution levels, subbands, precincts and code blocks (B.5 to B.7).

use std::ops::Range;

use crate::codestream::Coding;
use crate::rect::Rect;
use crate::tier1::Subband;

/// A subband of a tile (B.5).
#[derive(Clone, Debug)]
pub(crate) struct Band {
    pub(crate) subband: Subband,
    pub(crate) rect: Rect,
    /// Magnitude bit-planes, Mb (E-2).
    pub(crate) bit_planes: u8,
    /// Where its first coefficient is stored. The others follow row by row without gaps.
    storage: usize,
    /// Exponents of the size of its precincts, in its own coordinates.
    precinct: (u8, u8),
    /// Exponents of the size of its code blocks (B.7).
    code_block: (u8, u8),
}

impl Band {
    /// Where its coefficients are among those of the tile.
    pub(crate) fn storage(&self) -> Range<usize> {
        let length = usize::try_from(self.rect.area()).unwrap_or(usize::MAX);
        self.storage..self.storage.saturating_add(length)
    }

    /// The code blocks of the precinct at a column and row of the partition. The result counts
    /// columns and rows of code blocks that touch its samples. It is empty where the precinct has
    /// no samples in this subband.
    pub(super) fn code_blocks(&self, precinct: (u32, u32)) -> Rect {
        self.rect
            .within_cell(self.precinct, precinct)
            .touched_cells(self.code_block)
    }

    /// The samples of a code block, in coordinates of the subband. A precinct is a whole multiple
    /// of code blocks, so only the edge of the subband cuts blocks off.
    pub(crate) fn code_block_rect(&self, column: u32, row: u32) -> Rect {
        self.rect.within_cell(self.code_block, (column, row))
    }
}

/// A resolution level of a tile (B.5).
#[derive(Clone, Debug)]
pub(crate) struct Resolution {
    pub(crate) rect: Rect,
    /// LL alone at level 0, otherwise HL, LH and HH.
    pub(crate) bands: Vec<Band>,
    /// How often the image is halved down to this level.
    pub(super) halvings: u8,
    /// Exponents of the size of its precincts.
    pub(super) precinct: (u8, u8),
    /// Columns and rows of precincts that it touches, in the partition anchored at 0, 0.
    precincts: Rect,
    /// Number of its first precinct among those of the tile.
    pub(super) first_precinct: u64,
}

impl Resolution {
    pub(super) fn precinct_count(&self) -> u64 {
        self.precincts.area()
    }

    /// Column and row of precinct `index` in the partition. Precincts are numbered row by row
    /// within the resolution level (B.6).
    pub(super) fn precinct_position(&self, index: u32) -> (u32, u32) {
        let across = self.precincts.width().max(1);
        (
            self.precincts.x0 + index % across,
            self.precincts.y0 + index / across,
        )
    }
}

/// A precinct of a tile: its resolution level, and its number in the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PrecinctIndex {
    pub(super) resolution: u8,
    pub(super) index: u32,
}

/// The division of a tile.
#[derive(Clone, Debug)]
pub(crate) struct TileGeometry {
    pub(super) rect: Rect,
    pub(crate) resolutions: Vec<Resolution>,
    /// Precincts of all resolution levels.
    pub(crate) precinct_count: u64,
    /// An upper bound of the code blocks of all subbands.
    pub(crate) most_code_blocks: u64,
    samples: usize,
}

impl TileGeometry {
    /// Divides a tile, given on the reference grid. A subband that the quantization does not list
    /// has no bit-planes.
    pub(crate) fn new(tile: Rect, coding: &Coding) -> Self {
        let Coding {
            style,
            quantization,
        } = coding;
        let mut geometry = Self {
            rect: tile,
            resolutions: Vec::new(),
            precinct_count: 0,
            most_code_blocks: 0,
            samples: 0,
        };
        let mut storage = 0_usize;
        let mut number = 0;
        for level in 0..=style.levels {
            let halvings = style.levels - level;
            let rect = subband_rect(tile, halvings, (0, 0));
            let kinds: &[(Subband, (u64, u64))] = match level {
                0 => &[(Subband::Ll, (0, 0))],
                _ => &[
                    (Subband::Hl, (1, 0)),
                    (Subband::Lh, (0, 1)),
                    (Subband::Hh, (1, 1)),
                ],
            };
            // Subbands above level 0 have half the resolution of their level, and so have the
            // precincts in them (B.7).
            let (wide, tall) = style.precinct(level);
            let halving = u8::from(level > 0);
            let precinct = (wide.saturating_sub(halving), tall.saturating_sub(halving));
            let code_block = (
                style.code_block.0.min(precinct.0),
                style.code_block.1.min(precinct.1),
            );
            // The subbands of all levels are stored one after the other.
            let mut bands = Vec::with_capacity(kinds.len());
            for &(subband, high) in kinds {
                let rect = subband_rect(tile, halvings + halving, high);
                let bit_planes = quantization.planes(number).unwrap_or_default();
                bands.push(Band {
                    subband,
                    rect,
                    bit_planes,
                    storage,
                    precinct,
                    code_block,
                });
                let across = u64::from(rect.width() >> code_block.0) + 2;
                let down = u64::from(rect.height() >> code_block.1) + 2;
                geometry.most_code_blocks = geometry.most_code_blocks.saturating_add(across * down);
                storage =
                    storage.saturating_add(usize::try_from(rect.area()).unwrap_or(usize::MAX));
                number += 1;
            }
            let resolution = Resolution {
                rect,
                bands,
                halvings,
                precinct: (wide, tall),
                precincts: rect.touched_cells((wide, tall)),
                first_precinct: geometry.precinct_count,
            };
            geometry.precinct_count = geometry
                .precinct_count
                .saturating_add(resolution.precinct_count());
            geometry.resolutions.push(resolution);
        }
        geometry.samples = storage;
        geometry
    }

    /// Samples of the tile, which is also the number of coefficients of all its subbands.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }
}

/// The area of a subband after so many halvings of the tile. `high` is 1 along an axis where the
/// subband is high-pass (B-15).
fn subband_rect(tile: Rect, halvings: u8, high: (u64, u64)) -> Rect {
    let half = (1_u64 << halvings) >> 1;
    // Below 0 the quotient is more than -1, which rounds up to 0.
    let at = |value: u32, high: u64| {
        let value = u64::from(value).saturating_sub(half * high);
        u32::try_from(value.div_ceil(1 << halvings)).unwrap_or(u32::MAX)
    };
    Rect {
        x0: at(tile.x0, high.0),
        y0: at(tile.y0, high.1),
        x1: at(tile.x1, high.0),
        y1: at(tile.y1, high.1),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codestream::{COD, CodingStyle, MarkerSegment, QCD, Quantization};
    use crate::tier2::progression::by_resolution;

    fn segment(marker: u16, content: Vec<u8>) -> MarkerSegment {
        MarkerSegment {
            marker,
            offset: 0,
            content: Bytes::from(content),
            next: 0,
        }
    }

    /// The geometry of a tile with precincts of one size, given as exponents.
    pub(in crate::tier2) fn geometry(tile: Rect, levels: u8, precinct: (u8, u8)) -> TileGeometry {
        let mut fields = vec![1, 0, 0, 1, 0, levels, 4, 4, 0, 1];
        fields.extend((0..=levels).map(|_| precinct.0 | precinct.1 << 4));
        let style = CodingStyle::read(&segment(COD, fields)).expect("the coding style is legal");
        let steps = std::iter::once(0x40)
            .chain((0..=3 * levels).map(|_| 10 << 3))
            .collect();
        let quantization =
            Quantization::read(&segment(QCD, steps)).expect("the quantization is legal");
        TileGeometry::new(
            tile,
            &Coding {
                style,
                quantization,
            },
        )
    }

    proptest! {
        #[test]
        fn code_blocks_cover_every_coefficient_once(
            (x0, y0, width, height) in (0_u32..90, 0_u32..90, 1_u32..90, 1_u32..90),
            (levels, wide, tall) in (0_u8..5, 1_u8..6, 1_u8..6),
        ) {
            let tile = Rect { x0, y0, x1: x0 + width, y1: y0 + height };
            let geometry = geometry(tile, levels, (wide, tall));
            let mut times = vec![0; geometry.samples()];
            prop_assert_eq!(geometry.samples() as u64, tile.area());
            let mut blocks = 0;
            for (level, resolution) in geometry.resolutions.iter().enumerate() {
                for precinct in by_resolution(&geometry, level) {
                    for band in &resolution.bands {
                        let cells = band.code_blocks(resolution.precinct_position(precinct.index));
                        blocks += cells.area();
                        for (column, row) in (cells.x0..cells.x1).flat_map(|x| (cells.y0..cells.y1).map(move |y| (x, y))) {
                            let block = band.code_block_rect(column, row);
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
            prop_assert!(blocks <= geometry.most_code_blocks);
        }
    }
}
