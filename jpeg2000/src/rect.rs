//! Rectangles of samples, coefficients, precincts or code blocks.

/// A rectangle on the reference grid, in a subband, or of columns and rows of a partition. The
/// upper bounds are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x0: u32,
    pub(crate) y0: u32,
    pub(crate) x1: u32,
    pub(crate) y1: u32,
}

impl Rect {
    /// A rectangle without area.
    pub(crate) const EMPTY: Self = Self {
        x0: 0,
        y0: 0,
        x1: 0,
        y1: 0,
    };

    pub(crate) fn width(&self) -> u32 {
        self.x1.saturating_sub(self.x0)
    }

    pub(crate) fn height(&self) -> u32 {
        self.y1.saturating_sub(self.y0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.width() == 0 || self.height() == 0
    }

    pub(crate) fn area(&self) -> u64 {
        u64::from(self.width()) * u64::from(self.height())
    }

    /// The cells that the rectangle touches, in a partition anchored at 0, 0 with cells of
    /// `2^exponents`. The result counts columns and rows of cells.
    pub(crate) fn touched_cells(&self, (wide, tall): (u8, u8)) -> Self {
        if self.is_empty() {
            return Self::EMPTY;
        }
        let last = |end: u32, exponent: u8| (end.saturating_sub(1) >> exponent).saturating_add(1);
        Self {
            x0: self.x0 >> wide,
            y0: self.y0 >> tall,
            x1: last(self.x1, wide),
            y1: last(self.y1, tall),
        }
    }

    /// The part of the rectangle inside one cell of such a partition.
    pub(crate) fn within_cell(&self, (wide, tall): (u8, u8), (column, row): (u32, u32)) -> Self {
        let bounds = |position: u32, exponent: u8, low: u32, high: u32| {
            let start = u64::from(position) << exponent;
            let end = start + (1 << exponent);
            let clamped = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).clamp(low, high);
            (clamped(start), clamped(end))
        };
        let (x0, x1) = bounds(column, wide, self.x0, self.x1);
        let (y0, y1) = bounds(row, tall, self.y0, self.y1);
        Self { x0, y0, x1, y1 }
    }
}
