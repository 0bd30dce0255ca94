//! The pixels through which the outline of a polygon passes.

use super::outline::PixelRing;
use super::spans::{SpanSet, whole};

/// Adds the pixels that the rings pass through.
pub(super) fn touch(rings: &[PixelRing], spans: &mut SpanSet) {
    for ring in rings {
        let next = ring.iter().cycle().skip(1);
        for (&one, &other) in ring.iter().zip(next) {
            let (upper, lower) = if one.1 < other.1 {
                (one, other)
            } else {
                (other, one)
            };
            edge(upper, lower, spans);
        }
    }
}

/// Adds the pixels of an edge, row by row.
fn edge(upper: (f64, f64), lower: (f64, f64), spans: &mut SpanSet) {
    let rows = f64::from(spans.rows());
    let last = lower.1.floor().min(rows - 1.0);
    if last < 0.0 || upper.1 >= rows {
        return;
    }
    let (left, right) = (upper.0.min(lower.0), upper.0.max(lower.0));
    let at = |y: f64| {
        if lower.1 > upper.1 {
            let x = upper.0 + (y - upper.1) * (lower.0 - upper.0) / (lower.1 - upper.1);
            x.clamp(left, right)
        } else {
            upper.0
        }
    };
    for row in whole(upper.1.floor().max(0.0))..=whole(last) {
        // The part of the edge in this row.
        let (top, bottom) = (f64::from(row), f64::from(row) + 1.0);
        let (mut from, mut to) = (at(top.max(upper.1)), at(bottom.min(lower.1)));
        if upper.1 >= top && lower.1 <= bottom {
            (from, to) = (upper.0, lower.0);
        }
        spans.add(row, from.min(to).floor(), from.max(to).floor() + 1.0);
    }
}
