//! Rings cut to a box.

/// A box in longitude and latitude, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

/// One side of the box.
#[derive(Clone, Copy)]
enum Side {
    West(f64),
    South(f64),
    East(f64),
    North(f64),
}

impl Side {
    /// Whether a corner is on the inner side of it.
    fn has(self, (lon, lat): (f64, f64)) -> bool {
        match self {
            Self::West(west) => lon >= west,
            Self::South(south) => lat >= south,
            Self::East(east) => lon <= east,
            Self::North(north) => lat <= north,
        }
    }

    /// Where an edge crosses it. Both directions of an edge give the same place, so that polygons
    /// that share the edge still fit together.
    fn crossing(self, one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
        let is_first = (one.0, one.1) <= (other.0, other.1);
        let (from, to) = if is_first { (one, other) } else { (other, one) };
        let at = |begin: f64, end: f64, limit: f64| (limit - begin) / (end - begin);
        match self {
            Self::West(limit) | Self::East(limit) => {
                let share = at(from.0, to.0, limit);
                (limit, from.1 + share * (to.1 - from.1))
            }
            Self::South(limit) | Self::North(limit) => {
                let share = at(from.1, to.1, limit);
                (from.0 + share * (to.0 - from.0), limit)
            }
        }
    }
}

/// The ring inside of the box (Sutherland and Hodgman, 1974); empty if nothing is. Edges along the
/// box join parts that are not connected. A point inside of the box is enclosed as often as before.
pub(super) fn cut(ring: &[(f64, f64)], bounds: Bounds) -> Vec<(f64, f64)> {
    let Bounds {
        west,
        south,
        east,
        north,
    } = bounds;
    let sides = [
        Side::West(west),
        Side::South(south),
        Side::East(east),
        Side::North(north),
    ];
    let mut ring = ring.to_vec();
    for side in sides {
        if ring.iter().all(|&corner| side.has(corner)) {
            continue;
        }
        let mut kept = Vec::with_capacity(ring.len());
        let before = ring.last().into_iter().chain(&ring);
        for (&from, &to) in before.zip(&ring) {
            if side.has(from) != side.has(to) {
                kept.push(side.crossing(from, to));
            }
            if side.has(to) {
                kept.push(to);
            }
        }
        ring = kept;
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_cut_to_the_box_and_gone_outside_of_it() {
        let bounds = Bounds {
            west: 0.0,
            south: 0.0,
            east: 10.0,
            north: 10.0,
        };
        let ring = [(5.0, 5.0), (15.0, 5.0), (15.0, 8.0), (5.0, 8.0)];
        assert_eq!(
            cut(&ring, bounds),
            [(5.0, 5.0), (10.0, 5.0), (10.0, 8.0), (5.0, 8.0)]
        );
        let inside = [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)];
        assert_eq!(cut(&inside, bounds), inside);
        let outside = ring.map(|(lon, lat)| (lon + 20.0, lat));
        assert!(cut(&outside, bounds).is_empty());
    }
}
