//! Polygons that cross the antimeridian are cut there (RFC 7946, 3.1.9).

use super::ring::{Corner, HALF_TURN, Ring};

/// The parts of the polygon in each turn round the Earth, moved to -180 to 180 degrees. Longitudes
/// may be between -540 and 540 degrees. A polygon that does not cross the antimeridian is returned
/// as it is.
pub(super) fn split(outline: Ring, holes: Vec<Ring>) -> Vec<(Ring, Vec<Ring>)> {
    let is_inside = |corner: &Corner| corner.lon.abs() <= HALF_TURN;
    if outline.iter().all(is_inside) && holes.iter().flatten().all(is_inside) {
        return vec![(outline, holes)];
    }
    let parts = [-1, 0, 1].map(|turn| {
        let holes = holes.iter().map(|hole| part(hole, turn));
        (part(&outline, turn), holes.collect::<Vec<_>>())
    });
    parts
        .into_iter()
        .filter(|(outline, _)| !outline.is_empty())
        .collect()
}

/// What of the ring lies in the turn, moved into the turn of -180 to 180 degrees.
fn part(ring: &[Corner], turn: i64) -> Ring {
    let middle = turn * 2 * HALF_TURN;
    let (west, east) = (middle - HALF_TURN, middle + HALF_TURN);
    let eastern = cut(ring, west, |lon| lon >= west);
    let both = cut(&eastern, east, |lon| lon <= east);
    both.into_iter()
        .map(|Corner { lon, lat }| Corner {
            lon: lon - middle,
            lat,
        })
        .collect()
}

/// What of the ring lies on one side of a meridian (Sutherland and Hodgman, 1974). Where several
/// parts remain, edges on the meridian join them, and cancel each other out.
fn cut(ring: &[Corner], meridian: i64, is_inside: impl Fn(i64) -> bool) -> Ring {
    let mut kept = Ring::new();
    let Some(mut before) = ring.last().copied() else {
        return kept;
    };
    for &corner in ring {
        if is_inside(before.lon) != is_inside(corner.lon) {
            kept.push(crossing(before, corner, meridian));
        }
        if is_inside(corner.lon) {
            kept.push(corner);
        }
        before = corner;
    }
    kept
}

/// Where the edge crosses the meridian, to the nearest ten-millionth of a degree. It is the same in
/// both directions of the edge, so that the parts fit together.
fn crossing(from: Corner, to: Corner, meridian: i64) -> Corner {
    let (west, east) = (from.min(to), from.max(to));
    let width = i128::from(east.lon - west.lon).max(1);
    let rise = i128::from(east.lat - west.lat) * i128::from(meridian - west.lon);
    let up = (2 * rise + width).div_euclid(2 * width);
    Corner {
        lon: meridian,
        lat: west.lat + i64::try_from(up).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::{PARTS_WHOLE, in_order, twice_area};
    use super::*;

    fn ring(corners: &[(i64, i64)]) -> Ring {
        let corner = |&(lon, lat): &(i64, i64)| Corner {
            lon: lon * PARTS_WHOLE,
            lat: lat * PARTS_WHOLE,
        };
        corners.iter().map(corner).collect()
    }

    #[test]
    fn a_polygon_across_the_antimeridian_becomes_two() {
        let outline = ring(&[(178, -18), (182, -18), (182, -16), (178, -16)]);
        let hole = ring(&[(179, -17), (181, -17), (181, -18)]);
        let parts = split(outline.clone(), vec![hole]);
        let outlines: Vec<_> = parts
            .iter()
            .map(|(outline, _)| in_order(outline.clone(), false).unwrap())
            .collect();
        assert_eq!(
            outlines,
            [
                ring(&[(178, -18), (180, -18), (180, -16), (178, -16)]),
                ring(&[(-180, -18), (-178, -18), (-178, -16), (-180, -16)]),
            ]
        );
        let sizes = parts.iter().map(|(_, holes)| twice_area(&holes[0]).abs());
        let whole = twice_area(&ring(&[(179, -17), (181, -17), (181, -18)])).abs();
        assert_eq!(sizes.sum::<i128>(), whole);
    }

    #[test]
    fn a_polygon_beside_the_antimeridian_stays_as_it_is() {
        let outline = ring(&[(170, 0), (180, 0), (180, 5)]);
        assert_eq!(split(outline.clone(), vec![]), [(outline, vec![])]);
        let beyond = ring(&[(190, 0), (200, 0), (200, 5)]);
        let parts = split(beyond, vec![]);
        assert_eq!(parts.len(), 1);
        assert_eq!(
            in_order(parts[0].0.clone(), false),
            Some(ring(&[(-170, 0), (-160, 0), (-160, 5)]))
        );
    }
}
