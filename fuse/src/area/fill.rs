//! The pixels whose centre is inside of a polygon.

use super::outline::PixelRing;
use super::spans::{SpanSet, whole};

/// Adds the pixels whose centre is inside of the rings, as GDAL's `GDALdllImageFilledPolygon` does
/// (`alg/llrasterize.cpp`): a centre is inside when a line from it to the left crosses the rings an
/// odd number of times. A centre on a left edge is outside, one on a right edge inside.
pub(super) fn fill(rings: &[PixelRing], spans: &mut SpanSet) {
    // Where edges cross the middle lines of rows.
    let mut crossings: Vec<(u32, f64)> = vec![];
    for ring in rings {
        let next = ring.iter().cycle().skip(1);
        for (&one, &other) in ring.iter().zip(next) {
            let (upper, lower) = if one.1 < other.1 {
                (one, other)
            } else {
                (other, one)
            };
            let rows = f64::from(spans.rows());
            let first = (upper.1 - 0.5).ceil().clamp(0.0, rows);
            let end = (lower.1 - 0.5).ceil().clamp(0.0, rows);
            for row in whole(first)..whole(end) {
                let middle = f64::from(row) + 0.5;
                let x = (middle - upper.1) * (lower.0 - upper.0) / (lower.1 - upper.1) + upper.0;
                crossings.push((row, x));
            }
        }
    }
    // Between the first and the second is inside, between the third and the fourth again.
    crossings.sort_unstable_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    for pair in crossings.chunks_exact(2) {
        if let [(row, from), (_, to)] = pair {
            spans.add(*row, (from + 0.5).floor(), (to + 0.5).floor());
        }
    }
}
