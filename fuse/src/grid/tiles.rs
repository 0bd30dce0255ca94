//! Where the tiles of a band lie.

use std::ops::Range;

/// A part of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Rect {
    pub(crate) fn of(columns: Range<u32>, rows: Range<u32>) -> Self {
        Self {
            x: columns.start,
            y: rows.start,
            width: columns.end.saturating_sub(columns.start),
            height: rows.end.saturating_sub(rows.start),
        }
    }

    /// An image of this size.
    pub(crate) fn whole((width, height): (u32, u32)) -> Self {
        Self::of(0..width, 0..height)
    }

    /// Pixels.
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Its columns, counted in the image.
    pub fn columns(self) -> Range<u32> {
        self.x..self.x.saturating_add(self.width)
    }

    /// Its rows, counted in the image.
    pub fn rows(self) -> Range<u32> {
        self.y..self.y.saturating_add(self.height)
    }

    /// What both have in common; an empty rectangle if that is nothing.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = self
            .columns()
            .end
            .min(other.columns().end)
            .saturating_sub(x);
        let height = self.rows().end.min(other.rows().end).saturating_sub(y);
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

/// The tiles of a band row by row, which cover its image without overlapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TileGrid {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) tiles: Vec<Rect>,
}

impl TileGrid {
    /// Tiles of one size, which are cut off at the right and lower edges.
    pub(crate) fn regular(width: u32, height: u32, tile_width: u32, tile_height: u32) -> Self {
        let starts = |length: u32, step: u32| (0..length).step_by(step.max(1) as usize);
        let tiles = starts(height, tile_height).flat_map(|y| {
            starts(width, tile_width).map(move |x| Rect {
                x,
                y,
                width: tile_width.min(width - x),
                height: tile_height.min(height - y),
            })
        });
        Self {
            width,
            height,
            tiles: tiles.collect(),
        }
    }

    /// Pixels of the largest tile.
    pub(crate) fn largest(&self) -> u64 {
        self.tiles
            .iter()
            .map(|tile| tile.area())
            .max()
            .unwrap_or_default()
    }
}
