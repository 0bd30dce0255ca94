//! Why something is not an area.

use std::fmt;
use std::io;

use super::canonical::MAX_AREA_BYTES;

/// What is added to a message about coordinates that may be in another reference system.
const CONVERT: &str = "convert the file with ogr2ogr -t_srs EPSG:4326 area.geojson FILE";

/// Why a file has no area.
#[derive(Debug, thiserror::Error)]
pub enum AreaError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {cause}; check the path")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Its text is not JSON.
    #[error("{file} is not JSON: {cause}; expected GeoJSON (RFC 7946) with polygons")]
    NotJson {
        /// The file.
        file: String,
        /// Where and why.
        #[source]
        cause: serde_json::Error,
    },
    /// A part of it is not what is expected there.
    #[error("{file}{place}: {problem}")]
    Part {
        /// The file.
        file: String,
        /// Which part of it.
        place: Place,
        /// What is wrong.
        problem: AreaProblem,
    },
    /// The area has too many corners.
    #[error(
        "the area of {file} takes {bytes} bytes, and at most {MAX_AREA_BYTES} are possible; simplify it, for example \
         with ogr2ogr -simplify 0.0001 smaller.geojson {file}"
    )]
    TooLarge {
        /// The file.
        file: String,
        /// Bytes of the canonical text.
        bytes: usize,
    },
}

/// A part of a GeoJSON text. Numbers are from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The feature of a collection.
    pub feature: Option<usize>,
    /// The polygon of a multipolygon.
    pub polygon: Option<usize>,
    /// The ring of a polygon; the first is its outline.
    pub ring: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("feature", self.feature),
            ("polygon", self.polygon),
            ("ring", self.ring),
        ];
        for (name, number) in parts {
            if let Some(number) = number {
                write!(f, " {name} {number}")?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a part of an area.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AreaProblem {
    /// It is no GeoJSON object of a type that has polygons.
    #[error(
        "{found} is not an area; expected a Polygon, a MultiPolygon, or a Feature, FeatureCollection or \
         GeometryCollection of them"
    )]
    Type {
        /// What is there.
        found: String,
    },
    /// It has no polygon.
    #[error("it has no polygon; an area needs one that has a size")]
    Empty,
    /// Another coordinate reference system is named.
    #[error(
        "it names the coordinate reference system {name}, but GeoJSON has longitude and latitude (RFC 7946, 4); {CONVERT}"
    )]
    Crs {
        /// The system's name.
        name: String,
    },
    /// A position is not two numbers.
    #[error("{found} is not a position; expected [longitude, latitude] in degrees")]
    Position {
        /// What is there.
        found: String,
    },
    /// A position is not on Earth.
    #[error("[{lon}, {lat}] is not a longitude and a latitude in degrees; {CONVERT}")]
    NotOnEarth {
        /// The first number.
        lon: f64,
        /// The second number.
        lat: f64,
    },
    /// A ring has too few corners.
    #[error("it has {corners} different corners; a ring needs at least three")]
    FewCorners {
        /// How many it has.
        corners: usize,
    },
    /// A ring encloses nothing.
    #[error("it encloses nothing: its corners lie on one line; remove it or mend it")]
    NoSize,
    /// Two corners are further apart than half the Earth, so the edge may go either way round.
    #[error(
        "the edge from longitude {from} to {to} goes more than half round the Earth; add a corner between, or cut the \
         polygon at the antimeridian, for example with ogr2ogr -wrapdateline -t_srs EPSG:4326 area.geojson FILE"
    )]
    LongEdge {
        /// Degrees.
        from: f64,
        /// Degrees.
        to: f64,
    },
}
