//! The edge of the satellite's swath. A tile has no data beyond it.

use std::fmt;

use crate::landscape::noise::{fraction, hash};
use crate::landscape::spectrum::Band;

/// The part of a tile that the satellite saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Swath {
    /// All of it.
    Full,
    /// The part west of a slanted line.
    West(Edge),
    /// The part east of a slanted line.
    East(Edge),
}

/// A line across the tile, in fractions of its width from the west.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Where the line crosses the northern side.
    pub north: f64,
    /// Where the line crosses the southern side; further west, because the satellite descends to
    /// the south-west.
    pub south: f64,
}

impl Swath {
    /// The swath of a day: full on most, cut on others.
    pub fn of_day(seed: u32) -> Self {
        let draw = hash(seed, 1, 2);
        let north = 0.60 + 0.35 * f64::from(fraction(draw, 2));
        let edge = |north: f64| Edge {
            north,
            south: north - 0.22,
        };
        match fraction(draw, 1) {
            ..0.20 => Self::West(edge(north)),
            ..0.40 => Self::East(edge(1.2 - north)),
            _ => Self::Full,
        }
    }

    /// Columns of a row that hold data, out of `size` columns and rows.
    ///
    /// Detectors see a place in each band a moment apart, so the edge differs by a few pixels
    /// between bands.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the raster"
    )]
    pub fn columns(&self, row: u32, size: u32, band: Band) -> std::ops::Range<u32> {
        let crossing = |edge: &Edge| {
            let down = (f64::from(row) + 0.5) / f64::from(size);
            let column = (edge.north + (edge.south - edge.north) * down) * f64::from(size);
            let stagger = match band {
                Band::B02 => 0.0,
                Band::B08 => 1.0,
                Band::B03 => 3.0,
                Band::B04 => 5.0,
            };
            (column + stagger).clamp(0.0, f64::from(size)) as u32
        };
        match self {
            Self::Full => 0..size,
            Self::West(edge) => 0..crossing(edge),
            Self::East(edge) => crossing(edge)..size,
        }
    }

    /// Corners of the part with data, in fractions of the tile (east, south), clockwise; the first
    /// is not repeated.
    pub fn outline(&self) -> Vec<(f64, f64)> {
        match *self {
            Self::Full => vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
            Self::West(Edge { north, south }) => {
                vec![(0.0, 0.0), (north, 0.0), (south, 1.0), (0.0, 1.0)]
            }
            Self::East(Edge { north, south }) => {
                vec![(north, 0.0), (1.0, 0.0), (1.0, 1.0), (south, 1.0)]
            }
        }
    }

    /// Share of the tile with data, 0 to 1.
    pub fn coverage(&self) -> f64 {
        match *self {
            Self::Full => 1.0,
            Self::West(Edge { north, south }) => f64::midpoint(north, south),
            Self::East(Edge { north, south }) => 1.0 - f64::midpoint(north, south),
        }
    }
}

impl fmt::Display for Swath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::West(edge) => write!(f, "west of {:.4}..{:.4}", edge.north, edge.south),
            Self::East(edge) => write!(f, "east of {:.4}..{:.4}", edge.north, edge.south),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_differs_by_a_few_pixels_between_bands() {
        let swath = Swath::West(Edge {
            north: 0.7,
            south: 0.5,
        });
        assert_eq!(
            swath.columns(0, 1000, Band::B02).end + 5,
            swath.columns(0, 1000, Band::B04).end
        );
    }

    #[test]
    fn a_cut_that_leaves_the_tile_is_clamped() {
        let swath = Swath::East(Edge {
            north: 0.1,
            south: -0.3,
        });
        assert_eq!(swath.columns(99, 100, Band::B02), 0..100);
    }
}
