//! Rings of whole numbers, in one form for each outline.
//!
//! Corners are whole ten-millionths of a degree, which is about a centimetre. So two programs that
//! write the last digits of a number in different ways mean the same area.

/// Parts of a degree that corners are counted in.
const PARTS: f64 = 1e7;
/// The same as a whole number.
pub(super) const PARTS_WHOLE: i64 = 10_000_000;
/// 180 degrees.
pub(super) const HALF_TURN: i64 = 180 * PARTS_WHOLE;

/// A corner of a ring: longitude and latitude, in ten-millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Corner {
    pub(super) lon: i64,
    pub(super) lat: i64,
}

/// A closed line. Its last corner is joined to its first, and not a repetition of it.
pub(super) type Ring = Vec<Corner>;

/// A polygon: its outline and its holes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Polygon {
    pub(super) outline: Ring,
    pub(super) holes: Vec<Ring>,
}

/// Degrees, at most 540, in whole ten-millionths.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the numbers are below ten thousand millions"
)]
pub(super) fn parts(degrees: f64) -> i64 {
    (degrees * PARTS).round() as i64
}

/// Ten-millionths of a degree in degrees.
#[expect(
    clippy::cast_precision_loss,
    reason = "a whole number below 2^53 is exact"
)]
pub(super) fn degrees(parts: i64) -> f64 {
    parts as f64 / PARTS
}

/// Twice the area that the ring encloses, in squares of ten-millionths of a degree; negative when it
/// turns clockwise.
pub(super) fn twice_area(ring: &[Corner]) -> i128 {
    edges(ring)
        .map(|(from, to)| {
            i128::from(from.lon) * i128::from(to.lat) - i128::from(to.lon) * i128::from(from.lat)
        })
        .sum()
}

/// The ring's edges, the last of which leads to its first corner.
pub(super) fn edges(ring: &[Corner]) -> impl Iterator<Item = (Corner, Corner)> {
    let next = ring.iter().cycle().skip(1);
    ring.iter().copied().zip(next.copied())
}

/// The ring without corners that repeat the one before.
pub(super) fn without_repetitions(mut ring: Ring) -> Ring {
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring
}

/// The ring's one form: it begins at its least corner and turns counterclockwise, or clockwise where
/// it is a hole (RFC 7946, 3.1.6). `None` when it encloses nothing.
pub(super) fn in_order(ring: Ring, is_hole: bool) -> Option<Ring> {
    let mut ring = without_repetitions(ring);
    let area = twice_area(&ring);
    if ring.len() < 3 || area == 0 {
        return None;
    }
    if (area < 0) != is_hole {
        ring.reverse();
    }
    let corners = ring.iter().enumerate();
    let (least, _) = corners.min_by_key(|(_, corner)| **corner)?;
    ring.rotate_left(least);
    Some(ring)
}

/// The polygon's one form; `None` when its outline encloses nothing. Holes that enclose nothing are
/// dropped.
pub(super) fn polygon_in_order(outline: Ring, holes: Vec<Ring>) -> Option<Polygon> {
    let outline = in_order(outline, false)?;
    let mut holes: Vec<Ring> = holes
        .into_iter()
        .filter_map(|hole| in_order(hole, true))
        .collect();
    holes.sort();
    Some(Polygon { outline, holes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(corners: &[(i64, i64)]) -> Ring {
        corners
            .iter()
            .map(|&(lon, lat)| Corner { lon, lat })
            .collect()
    }

    #[test]
    fn one_outline_has_one_form_wherever_it_begins_and_however_it_turns() {
        let wanted = ring(&[(0, 0), (4, 0), (4, 3), (0, 3)]);
        for other in [
            ring(&[(4, 3), (0, 3), (0, 0), (4, 0), (4, 3)]),
            ring(&[(0, 0), (0, 3), (4, 3), (4, 3), (4, 0)]),
        ] {
            assert_eq!(in_order(other.clone(), false), Some(wanted.clone()));
            let hole = in_order(other, true).unwrap();
            assert_eq!(hole, ring(&[(0, 0), (0, 3), (4, 3), (4, 0)]));
        }
    }

    #[test]
    fn a_ring_on_one_line_encloses_nothing() {
        assert_eq!(in_order(ring(&[(0, 0), (1, 1), (2, 2)]), false), None);
        assert_eq!(in_order(ring(&[(0, 0), (1, 1)]), false), None);
    }
}
