//! Rings in longitude and latitude as rings of pixels.

use gdal::errors::Result;
use gdal::spatial_ref::CoordTransform;

/// A polygon in longitude and latitude, in degrees: its outline and then its holes, each a list of
/// corners of which the last is joined to the first.
pub type LonLatPolygon = Vec<Vec<(f64, f64)>>;

/// A ring of pixels: column and row, with fractions.
pub(super) type PixelRing = Vec<(f64, f64)>;

/// The longest edge that is looked at as a whole, in degrees.
const LONGEST: f64 = 0.25;
/// The furthest that the middle of an edge may be from where it belongs, in pixels.
const TOLERANCE: f64 = 0.05;
/// How often an edge is halved, at most. Each time makes it four times straighter.
const MOST_HALVINGS: u32 = 12;

/// A corner, in both forms.
#[derive(Clone, Copy, Debug)]
struct Corner {
    place: (f64, f64),
    pixel: (f64, f64),
}

/// From longitude and latitude to pixels.
pub(super) struct ToPixels<'a> {
    pub(super) to_system: &'a CoordTransform,
    /// Of the grid.
    pub(super) transform: [f64; 6],
}

impl ToPixels<'_> {
    /// The ring on the grid. Its edges are halved until none is further than a twentieth of a pixel
    /// from the line that is straight in longitude and latitude.
    pub(super) fn ring(&self, ring: &[(f64, f64)]) -> Result<PixelRing> {
        // Edges that are not long.
        let mut places = vec![];
        let next = ring.iter().cycle().skip(1);
        for (&from, &to) in ring.iter().zip(next) {
            let length = (to.0 - from.0).abs().max((to.1 - from.1).abs());
            let pieces = (length / LONGEST).ceil().max(1.0);
            let mut piece = 0.0;
            while piece < pieces {
                places.push(between(from, to, piece / pieces));
                piece += 1.0;
            }
        }
        let mut corners = self.corners(places)?;
        // Halve those that are bent on the grid, all of them at a time.
        for _ in 0..MOST_HALVINGS {
            let next = corners.iter().cycle().skip(1);
            let edges = corners.iter().zip(next);
            let middles = edges.map(|(from, to)| between(from.place, to.place, 0.5));
            let middles = self.corners(middles.collect())?;
            let count = corners.len();
            corners = with_middles(&corners, &middles);
            if corners.len() == count {
                break;
            }
        }
        Ok(corners.into_iter().map(|corner| corner.pixel).collect())
    }

    fn corners(&self, places: Vec<(f64, f64)>) -> Result<Vec<Corner>> {
        let (mut x, mut y): (Vec<f64>, Vec<f64>) = places.iter().copied().unzip();
        self.to_system.transform_coords(&mut x, &mut y, &mut [])?;
        let [left, width, _, top, _, height] = self.transform;
        let pixels = x
            .into_iter()
            .zip(y)
            .map(|(x, y)| ((x - left) / width, (y - top) / height));
        let corners = places.into_iter().zip(pixels);
        Ok(corners
            .map(|(place, pixel)| Corner { place, pixel })
            .collect())
    }
}

/// The corners, and the middles of those edges that are bent.
fn with_middles(corners: &[Corner], middles: &[Corner]) -> Vec<Corner> {
    let mut all = Vec::with_capacity(corners.len());
    let next = corners.iter().cycle().skip(1);
    for ((from, to), middle) in corners.iter().zip(next).zip(middles) {
        all.push(*from);
        let straight = between(from.pixel, to.pixel, 0.5);
        let (right, down) = (
            (middle.pixel.0 - straight.0).abs(),
            (middle.pixel.1 - straight.1).abs(),
        );
        if right.max(down) > TOLERANCE {
            all.push(*middle);
        }
    }
    all
}

/// The same point from either end, to the last bit, where `share` is a half.
fn between(from: (f64, f64), to: (f64, f64), share: f64) -> (f64, f64) {
    let at = |from: f64, to: f64| from * (1.0 - share) + to * share;
    (at(from.0, to.0), at(from.1, to.1))
}
