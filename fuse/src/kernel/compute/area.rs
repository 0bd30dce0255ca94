//! The part of the output that is kept: a clip.

use std::fmt;
use std::ops::Range;

use crate::grid::Rect;

/// Pixels of the output that are kept. The others become nodata, after everything else.
pub trait Area: Send + Sync + fmt::Debug {
    /// Puts the columns of a row of the output that are inside into `out`, from left to right and
    /// without overlaps. `out` is empty before.
    fn spans(&self, row: u32, out: &mut Vec<Range<u32>>);

    /// A rectangle that holds all pixels that are inside, in pixels of the grid of the output.
    fn bounds(&self) -> Rect;
}

/// Makes the values of all columns outside of `spans` nodata. The values begin at column `start`.
pub(super) fn clip(values: &mut [f32], start: u32, spans: &[Range<u32>]) {
    let at = |column: u32| column.saturating_sub(start) as usize;
    let mut outside = 0;
    for span in spans {
        let (first, end) = (at(span.start), at(span.end));
        let first = first.min(values.len());
        if let Some(values) = values.get_mut(outside..first) {
            values.fill(f32::NAN);
        }
        outside = outside.max(end);
    }
    if let Some(values) = values.get_mut(outside..) {
        values.fill(f32::NAN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_between_and_around_the_spans_become_nodata() {
        let kept = |spans: &[(u32, u32)]| {
            let spans: Vec<_> = spans.iter().map(|span| span.0..span.1).collect();
            let mut values = [1.0; 6];
            clip(&mut values, 10, &spans);
            let kept = (10..).zip(values).filter(|(_, value)| !value.is_nan());
            kept.map(|(column, _)| column).collect::<Vec<u32>>()
        };
        assert_eq!(kept(&[(0, 12), (13, 14), (15, 30)]), [10, 11, 13, 15]);
        assert_eq!(kept(&[(10, 16)]), [10, 11, 12, 13, 14, 15]);
        assert_eq!(kept(&[(12, 13)]), [12]);
        for nothing in [&[][..], &[(0, 3), (5, 10)], &[(16, 20)], &[(20, 30)]] {
            assert!(kept(nothing).is_empty());
        }
    }
}
