//! Polygons as pixels of a grid.

use std::ops::Range;

use super::spans::SpanSet;
use crate::grid::Rect;
use crate::kernel::Area;

/// The pixels of a grid that are inside of polygons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolygonArea {
    bounds: Rect,
    /// The columns of all rows, one row after the other.
    spans: Vec<Range<u32>>,
    /// For each row of the bounds and the end of the last one, where its spans begin.
    starts: Vec<usize>,
}

impl PolygonArea {
    /// The pixels of these spans; `None` when there is no pixel.
    pub(super) fn new(spans: SpanSet) -> Option<Self> {
        let joined = spans.joined();
        let (top, bottom) = (joined.first()?.0, joined.last()?.0);
        let left = joined.iter().map(|(_, columns)| columns.start).min()?;
        let right = joined.iter().map(|(_, columns)| columns.end).max()?;
        let starts = (top..=bottom).map(|row| joined.partition_point(|(other, _)| *other < row));
        Some(Self {
            bounds: Rect {
                x: left,
                y: top,
                width: right - left,
                height: bottom - top + 1,
            },
            starts: starts.chain([joined.len()]).collect(),
            spans: joined.into_iter().map(|(_, columns)| columns).collect(),
        })
    }

    /// How many pixels are inside.
    pub fn pixels(&self) -> u64 {
        let pixels = |columns: &Range<u32>| u64::from(columns.end.saturating_sub(columns.start));
        self.spans.iter().map(pixels).sum()
    }
}

impl Area for PolygonArea {
    fn bounds(&self) -> Rect {
        self.bounds
    }

    fn spans(&self, row: u32, out: &mut Vec<Range<u32>>) {
        let index = row.checked_sub(self.bounds.y).map(|index| index as usize);
        let ends = index.and_then(|index| self.starts.get(index..index + 2));
        if let Some(&[start, end]) = ends {
            out.extend_from_slice(self.spans.get(start..end).unwrap_or_default());
        }
    }
}
