//! A bounding box as an area.

use std::str::FromStr;

use super::ring::{Corner, HALF_TURN, PARTS_WHOLE, Polygon, parts, polygon_in_order};

/// The longest edge of a box, in degrees: longer ones could go either way round the Earth.
const LONGEST: i64 = 90 * PARTS_WHOLE;

/// A box in longitude and latitude: west, south, east, north, in degrees. One whose west is east of
/// its east crosses the antimeridian (RFC 7946, 5.2).
///
/// ```
/// use tilefleet_common::domain::BoundingBox;
///
/// assert!("5.8,47.2,15.1,55.1".parse::<BoundingBox>().is_ok());
/// assert!("177,-18,-178,-16".parse::<BoundingBox>().is_ok(), "across the antimeridian");
/// assert!("5.8,55.1,15.1,47.2".parse::<BoundingBox>().is_err(), "south is north of north");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundingBox {
    west: i64,
    south: i64,
    east: i64,
    north: i64,
}

/// A text is not a bounding box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a box: expected WEST,SOUTH,EAST,NORTH in degrees of longitude and latitude, such as \
     5.8,47.2,15.1,55.1"
)]
pub struct NotABox(String);

impl FromStr for BoundingBox {
    type Err = NotABox;

    fn from_str(text: &str) -> Result<Self, NotABox> {
        let wrong = || NotABox(text.to_owned());
        let numbers: Result<Vec<f64>, _> = text
            .split(',')
            .map(|number| number.trim().parse())
            .collect();
        let numbers = numbers.map_err(|_| wrong())?;
        let [west, south, east, north] = <[f64; 4]>::try_from(numbers).map_err(|_| wrong())?;
        let is_lon = |lon: f64| (-180.0..=180.0).contains(&lon);
        let is_lat = |lat: f64| (-90.0..=90.0).contains(&lat);
        if !is_lon(west) || !is_lon(east) || !is_lat(south) || !is_lat(north) {
            return Err(wrong());
        }
        let [west, south, east, north] = [west, south, east, north].map(parts);
        if south >= north || west == east {
            return Err(wrong());
        }
        Ok(Self {
            west,
            south,
            east,
            north,
        })
    }
}

impl BoundingBox {
    /// The box as polygons, in order.
    pub(super) fn polygons(self) -> Vec<Polygon> {
        let pieces = if self.west < self.east {
            vec![(self.west, self.east)]
        } else {
            vec![(self.west, HALF_TURN), (-HALF_TURN, self.east)]
        };
        let pieces = pieces.into_iter().filter(|(west, east)| west < east);
        let mut polygons: Vec<Polygon> = pieces
            .filter_map(|(west, east)| polygon_in_order(self.outline(west, east), vec![]))
            .collect();
        polygons.sort();
        polygons
    }

    /// The outline between two meridians, with corners between where it is long.
    fn outline(self, west: i64, east: i64) -> Vec<Corner> {
        let steps = (east - west + LONGEST - 1) / LONGEST;
        let meridian = |step: i64| west + (east - west) / steps * step;
        let lower = (0..steps).map(meridian).chain([east]);
        let upper = lower.clone().collect::<Vec<_>>();
        let at = |lat: i64| move |lon: i64| Corner { lon, lat };
        lower
            .map(at(self.south))
            .chain(upper.into_iter().rev().map(at(self.north)))
            .collect()
    }
}
