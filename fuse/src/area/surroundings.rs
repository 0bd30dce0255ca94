//! The longitudes and latitudes around a grid.
//!
//! Polygons may span the Earth, and a projection is defined near its middle only. So they are cut to
//! the surroundings of the grid before they are projected.

use gdal::errors::Result;
use gdal::spatial_ref::CoordTransform;

use super::cut::Bounds;

/// Points on each side of the grid that are looked at.
const POINTS: u32 = 64;

/// A box around the grid with room to spare. Its longitudes may go beyond 180 degrees where the grid
/// does. `to_lon_lat` leads from the grid's system to longitude and latitude.
pub(super) fn of_grid(
    transform: [f64; 6],
    (columns, rows): (u32, u32),
    to_lon_lat: &CoordTransform,
) -> Result<Bounds> {
    // Points all the way round, once.
    let [x, width, _, y, _, height] = transform;
    let (right, bottom) = (x + f64::from(columns) * width, y + f64::from(rows) * height);
    let corners = [(x, y), (right, y), (right, bottom), (x, bottom)];
    let next = corners.iter().cycle().skip(1);
    let (mut lons, mut lats) = (vec![], vec![]);
    for (from, to) in corners.iter().zip(next) {
        for step in 0..POINTS {
            let share = f64::from(step) / f64::from(POINTS);
            lons.push(from.0 + share * (to.0 - from.0));
            lats.push(from.1 + share * (to.1 - from.1));
        }
    }
    to_lon_lat.transform_coords(&mut lons, &mut lats, &mut [])?;

    // Neighbours are neighbours on the Earth too, even where longitudes begin anew.
    let first = lons.first().copied().unwrap_or_default();
    let mut before = first;
    for lon in &mut lons {
        *lon -= ((*lon - before) / 360.0).round() * 360.0;
        before = *lon;
    }
    let is_round_a_pole = (before - first).abs() > 180.0;
    let least = |numbers: &[f64]| numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |numbers: &[f64]| numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (mut west, mut east) = (least(&lons), most(&lons));
    let (mut south, mut north) = (least(&lats), most(&lats));
    let (beside, above) = (0.1 + 0.1 * (east - west), 0.1 + 0.1 * (north - south));
    if is_round_a_pole {
        (west, east) = (-180.0, 180.0);
        if north + south > 0.0 {
            north = 90.0;
        } else {
            south = -90.0;
        }
    } else {
        (west, east) = (west - beside, east + beside);
    }
    Ok(Bounds {
        west,
        south: (south - above).max(-90.0),
        east,
        north: (north + above).min(90.0),
    })
}
