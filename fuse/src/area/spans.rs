//! Columns of rows, collected in any order.

use std::ops::Range;

/// Spans of columns by rows, in a grid of this size. What lies outside of it is left out.
#[derive(Debug)]
pub(super) struct SpanSet {
    columns: u32,
    rows: u32,
    spans: Vec<(u32, Range<u32>)>,
}

impl SpanSet {
    /// No spans yet.
    pub(super) fn new((columns, rows): (u32, u32)) -> Self {
        Self {
            columns,
            rows,
            spans: vec![],
        }
    }

    /// Rows of the grid.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// Adds the columns from `start` to before `end` of a row.
    pub(super) fn add(&mut self, row: u32, start: f64, end: f64) {
        let columns = f64::from(self.columns);
        let (start, end) = (start.max(0.0), end.min(columns));
        if start < end && row < self.rows {
            self.spans.push((row, whole(start)..whole(end)));
        }
    }

    /// All spans by rows, from left to right, those that overlap or meet joined.
    pub(super) fn joined(mut self) -> Vec<(u32, Range<u32>)> {
        self.spans
            .sort_unstable_by_key(|(row, columns)| (*row, columns.start));
        let mut joined: Vec<(u32, Range<u32>)> = vec![];
        for (row, columns) in self.spans {
            match joined.last_mut() {
                Some((last, before)) if *last == row && before.end >= columns.start => {
                    before.end = before.end.max(columns.end);
                }
                _ => joined.push((row, columns)),
            }
        }
        joined
    }
}

/// A number of the grid that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is within the grid, and the cast saturates"
)]
pub(super) fn whole(number: f64) -> u32 {
    number as u32
}
