//! How an image is cut into chunks.

use std::ops::Range;

use crate::cog::CHUNK;
use crate::grid::Rect;

/// Size of the image and of the margin that a chunk needs around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bands of the input.
    pub(crate) bands: usize,
    /// Pixels around a chunk that its kernel needs to see, at most [`CHUNK`].
    pub(crate) margin: u32,
}

impl Layout {
    pub(crate) fn columns(self) -> u32 {
        self.width.div_ceil(CHUNK)
    }

    pub(crate) fn count(self) -> usize {
        self.columns() as usize * self.height.div_ceil(CHUNK) as usize
    }

    fn image(self) -> Rect {
        Rect {
            x: 0,
            y: 0,
            width: self.width,
            height: self.height,
        }
    }

    /// The part of the image that a chunk stands for.
    pub(crate) fn rect(self, (column, row): (u32, u32)) -> Rect {
        let whole = Rect {
            x: column * CHUNK,
            y: row * CHUNK,
            width: CHUNK,
            height: CHUNK,
        };
        whole.intersection(self.image())
    }

    /// The part of the image that the kernel sees of a chunk: its rectangle, and the margin as far
    /// as the image reaches.
    pub(crate) fn window(self, place: (u32, u32)) -> Rect {
        let Rect {
            x,
            y,
            width,
            height,
        } = self.rect(place);
        let (left, top) = (self.margin.min(x), self.margin.min(y));
        let grown = Rect {
            x: x - left,
            y: y - top,
            width: width.saturating_add(left).saturating_add(self.margin),
            height: height.saturating_add(top).saturating_add(self.margin),
        };
        grown.intersection(self.image())
    }

    /// The chunks that have a part of a chunk's window, itself included. A chunk is in the
    /// neighbourhood of all that are in its own.
    pub(crate) fn neighbourhood(self, index: usize) -> impl Iterator<Item = usize> {
        touched(self.window(self.place(index))).map(move |place| self.index(place))
    }

    /// Samples that a chunk needs to be complete.
    pub(crate) fn samples(self, index: usize) -> u64 {
        let rect = self.rect(self.place(index));
        rect.area().saturating_mul(self.bands as u64)
    }

    pub(crate) fn index(self, (column, row): (u32, u32)) -> usize {
        row as usize * self.columns() as usize + column as usize
    }

    pub(crate) fn place(self, index: usize) -> (u32, u32) {
        let columns = self.columns().max(1) as usize;
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        (number(index % columns), number(index / columns))
    }

    /// Bytes of the input planes of a whole chunk.
    pub(crate) fn chunk_bytes(self) -> u64 {
        self.bytes_of_side(CHUNK)
    }

    /// Pixels of the largest window.
    pub(crate) fn window_pixels(self) -> u64 {
        let side = u64::from(CHUNK.saturating_add(self.margin.saturating_mul(2)));
        side.min(self.width.into()) * side.min(self.height.into())
    }

    /// Bytes of a copy of the largest window; none where the chunk is the window.
    pub(crate) fn window_bytes(self) -> u64 {
        if self.margin == 0 {
            return 0;
        }
        self.window_pixels()
            .saturating_mul(2)
            .saturating_mul(self.bands as u64)
    }

    fn bytes_of_side(self, side: u32) -> u64 {
        let side = u64::from(side);
        let area = side.min(self.width.into()) * side.min(self.height.into());
        area.saturating_mul(2).saturating_mul(self.bands as u64)
    }
}

/// Columns and rows of the chunks that have a part of `rect`.
pub(crate) fn touched(rect: Rect) -> impl Iterator<Item = (u32, u32)> {
    let steps = |range: Range<u32>| range.start / CHUNK..range.end.div_ceil(CHUNK);
    let (columns, rows) = (steps(rect.columns()), steps(rect.rows()));
    rows.flat_map(move |row| columns.clone().map(move |column| (column, row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_where_the_image_does() {
        let layout = Layout {
            width: 2500,
            height: 1030,
            bands: 1,
            margin: 100,
        };
        let rect = |x, y, width, height| Rect {
            x,
            y,
            width,
            height,
        };
        assert_eq!(layout.window((0, 0)), rect(0, 0, 1124, 1030));
        assert_eq!(layout.window((1, 0)), rect(924, 0, 1224, 1030));
        assert_eq!(layout.window((2, 1)), rect(1948, 924, 552, 106));
        let neighbourhood: Vec<_> = layout.neighbourhood(0).collect();
        assert_eq!(neighbourhood, [0, 1, 3, 4]);
        let alone = Layout {
            margin: 0,
            ..layout
        };
        assert_eq!(alone.neighbourhood(4).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn neighbours_are_mutual_for_the_largest_margin_too() {
        for margin in [0, 1, 7, CHUNK] {
            let layout = Layout {
                width: 4 * CHUNK + 3,
                height: 3 * CHUNK + 1,
                bands: 1,
                margin,
            };
            for index in 0..layout.count() {
                for other in layout.neighbourhood(index) {
                    assert!(layout.neighbourhood(other).any(|back| back == index));
                }
                assert!(layout.neighbourhood(index).count() <= 9);
            }
        }
    }
}
