//! The canonical text of an area: GeoJSON with sorted keys, without spaces, one text for each area.
//!
//! `{"coordinates":[[[[7.1,50.2],…]]],"type":"MultiPolygon"}`, and `"all_touched":true` in front when
//! all pixels that the area touches belong to it. Other programs ignore this member (RFC 7946, 6.1).

use std::fmt::Write as _;

use super::ring::{Corner, PARTS_WHOLE, Polygon, Ring};

/// The largest canonical text of an area, in bytes: about 40,000 corners.
pub const MAX_AREA_BYTES: usize = 1_000_000;

/// The text of these polygons, which are in order.
pub(super) fn text(polygons: &[Polygon], all_touched: bool) -> String {
    let mut text = String::from("{");
    if all_touched {
        text.push_str("\"all_touched\":true,");
    }
    text.push_str("\"coordinates\":[");
    for (number, polygon) in polygons.iter().enumerate() {
        text.push_str(if number == 0 { "[" } else { ",[" });
        let rings = std::iter::once(&polygon.outline).chain(&polygon.holes);
        for (number, ring) in rings.enumerate() {
            text.push_str(if number == 0 { "[" } else { ",[" });
            push_ring(&mut text, ring);
            text.push(']');
        }
        text.push(']');
    }
    text.push_str("],\"type\":\"MultiPolygon\"}");
    text
}

/// The corners, the first of them once more at the end.
fn push_ring(text: &mut String, ring: &Ring) {
    for (number, Corner { lon, lat }) in ring.iter().chain(ring.first()).enumerate() {
        text.push_str(if number == 0 { "[" } else { ",[" });
        push_degrees(text, *lon);
        text.push(',');
        push_degrees(text, *lat);
        text.push(']');
    }
}

/// Ten-millionths of a degree as the shortest decimal number of degrees.
fn push_degrees(text: &mut String, parts: i64) {
    let (whole, rest) = (
        parts.unsigned_abs() / PARTS_WHOLE.unsigned_abs(),
        parts.unsigned_abs() % PARTS_WHOLE.unsigned_abs(),
    );
    if parts < 0 {
        text.push('-');
    }
    // Writing to a string does not fail.
    let _ = write!(text, "{whole}");
    if rest > 0 {
        let digits = format!("{rest:07}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let degrees = |parts| {
            let mut text = String::new();
            push_degrees(&mut text, parts);
            text
        };
        assert_eq!(degrees(0), "0");
        assert_eq!(degrees(1_800_000_000), "180");
        assert_eq!(degrees(-5), "-0.0000005");
        assert_eq!(degrees(-12_500_000), "-1.25");
        assert_eq!(degrees(71_234_567), "7.1234567");
    }
}
