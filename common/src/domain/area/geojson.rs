//! Reads the polygons of a GeoJSON text (RFC 7946).

use serde_json::Value;

use super::error::{AreaError, AreaProblem, Place};
use super::ring::{
    Corner, HALF_TURN, Polygon, Ring, degrees, parts, polygon_in_order, without_repetitions,
};
use super::{antimeridian, ring};

/// Names by which older files call longitude and latitude on WGS 84.
const LONGITUDE_LATITUDE: [&str; 4] = ["CRS84", "EPSG:4326", "EPSG::4326", "WGS84"];
/// Bytes of a value that a message shows.
const SHOWN: usize = 40;

/// The polygons of a GeoJSON value, in order and cut at the antimeridian. `file` is what has the
/// value, for messages.
///
/// # Errors
/// [`AreaError`] with the feature, polygon and ring, and what was expected there.
pub(super) fn polygons(file: &str, value: &Value) -> Result<Vec<Polygon>, AreaError> {
    let mut reader = Reader {
        place: Place::default(),
        polygons: vec![],
    };
    let read = reader.object(value).and_then(|()| {
        if reader.polygons.is_empty() {
            reader.place = Place::default();
            return Err(AreaProblem::Empty);
        }
        Ok(())
    });
    read.map_err(|problem| AreaError::Part {
        file: file.to_owned(),
        place: reader.place,
        problem,
    })?;
    let mut polygons = reader.polygons;
    polygons.sort();
    polygons.dedup();
    Ok(polygons)
}

struct Reader {
    /// What is being read; it is the place of an error.
    place: Place,
    polygons: Vec<Polygon>,
}

impl Reader {
    fn object(&mut self, value: &Value) -> Result<(), AreaProblem> {
        // What it says of itself.
        check_crs(value)?;
        let list = |name: &str| value.get(name).and_then(Value::as_array);
        let kind = value.get("type").and_then(Value::as_str);
        let coordinates = value.get("coordinates").and_then(Value::as_array);
        // Go down to its polygons, and keep in mind where they are.
        match (kind, coordinates) {
            (Some("FeatureCollection"), _) => {
                let features = list("features").ok_or_else(|| unknown(value))?;
                for (number, feature) in (1..).zip(features) {
                    self.place = Place {
                        feature: Some(number),
                        ..Place::default()
                    };
                    self.object(feature)?;
                }
                self.place = Place::default();
            }
            (Some("Feature"), _) => match value.get("geometry") {
                // A feature without a place has no polygon, and others may.
                Some(Value::Null) => {}
                Some(geometry) => self.object(geometry)?,
                None => return Err(unknown(value)),
            },
            (Some("GeometryCollection"), _) => {
                for geometry in list("geometries").ok_or_else(|| unknown(value))? {
                    self.object(geometry)?;
                }
            }
            (Some("Polygon"), Some(rings)) => self.polygon(rings)?,
            (Some("MultiPolygon"), Some(polygons)) => {
                for (number, polygon) in (1..).zip(polygons) {
                    self.place.polygon = Some(number);
                    let rings = polygon.as_array().ok_or_else(|| unknown(polygon))?;
                    self.polygon(rings)?;
                }
                self.place.polygon = None;
            }
            _ => return Err(unknown(value)),
        }
        Ok(())
    }

    fn polygon(&mut self, rings: &[Value]) -> Result<(), AreaProblem> {
        // Read the rings and see that they enclose something.
        let mut read = vec![];
        for (number, ring) in (1..).zip(rings) {
            self.place.ring = Some(number);
            read.push(self::ring(ring)?);
        }
        self.place.ring = None;
        if read.is_empty() {
            return Ok(());
        }
        let holes = read.split_off(1);
        // Cut them where the longitudes begin anew.
        for (outline, holes) in read
            .into_iter()
            .flat_map(|outline| antimeridian::split(outline, holes.clone()))
        {
            self.polygons.extend(polygon_in_order(outline, holes));
        }
        Ok(())
    }
}

/// A file may say which reference system it has, as GeoJSON did before RFC 7946.
fn check_crs(value: &Value) -> Result<(), AreaProblem> {
    let crs = match value.get("crs") {
        None | Some(Value::Null) => return Ok(()),
        Some(crs) => crs,
    };
    let name = crs.pointer("/properties/name").and_then(Value::as_str);
    let is_known = |name: &str| LONGITUDE_LATITUDE.iter().any(|known| name.ends_with(known));
    match name {
        Some(name) if is_known(name) => Ok(()),
        name => Err(AreaProblem::Crs {
            name: name.map_or_else(|| shown(crs), str::to_owned),
        }),
    }
}

fn ring(value: &Value) -> Result<Ring, AreaProblem> {
    let positions = value.as_array().ok_or_else(|| AreaProblem::Position {
        found: shown(value),
    })?;
    let corners = positions.iter().map(corner);
    let corners = without_repetitions(corners.collect::<Result<Ring, AreaProblem>>()?);
    if corners.len() < 3 {
        return Err(AreaProblem::FewCorners {
            corners: corners.len(),
        });
    }
    if ring::twice_area(&corners) == 0 {
        return Err(AreaProblem::NoSize);
    }
    for (from, to) in ring::edges(&corners) {
        let is_whole_turn = from.lon.abs() == HALF_TURN && to.lon.abs() == HALF_TURN;
        if (from.lon - to.lon).abs() > HALF_TURN && !is_whole_turn {
            return Err(AreaProblem::LongEdge {
                from: degrees(from.lon),
                to: degrees(to.lon),
            });
        }
    }
    Ok(corners)
}

/// A position: two numbers, or more of which the others are a height.
fn corner(value: &Value) -> Result<Corner, AreaProblem> {
    let wrong = || AreaProblem::Position {
        found: shown(value),
    };
    let numbers = value.as_array().ok_or_else(wrong)?;
    let number = |index: usize| numbers.get(index).and_then(Value::as_f64);
    let (lon, lat) = number(0).zip(number(1)).ok_or_else(wrong)?;
    if lon.abs() > 540.0 || lat.abs() > 90.0 {
        return Err(AreaProblem::NotOnEarth { lon, lat });
    }
    Ok(Corner {
        lon: parts(lon),
        lat: parts(lat),
    })
}

fn unknown(value: &Value) -> AreaProblem {
    let kind = value.get("type").and_then(Value::as_str);
    let found = kind.map_or_else(|| shown(value), |kind| format!("a {kind}"));
    AreaProblem::Type { found }
}

/// The beginning of a value.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.get(..text.floor_char_boundary(SHOWN)) {
        Some(begin) if begin.len() < text.len() => format!("{begin}…"),
        _ => text,
    }
}
