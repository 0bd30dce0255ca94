//! An area as a value.

use std::fs::File;
use std::io::{self, Read as _};

use super::bbox::BoundingBox;
use super::canonical::{self, MAX_AREA_BYTES};
use super::digest::AreaDigest;
use super::error::AreaError;
use super::ring::{Corner, Polygon, Ring, degrees};
use super::{error, geojson};

/// The largest file that is read, in bytes. Files have longer numbers and other members.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A polygon in longitude and latitude, in degrees: its outline and then its holes, each a list of
/// corners of which the last is joined to the first.
pub type LonLatPolygon = Vec<Vec<(f64, f64)>>;

/// The part of the Earth to which the cells of a task are cut: polygons whose edges are straight in
/// longitude and latitude (RFC 7946, 3.1.1).
///
/// ```
/// use tilefleet_common::domain::Area;
///
/// let one = r#"{"type":"Polygon","coordinates":[[[7,50],[8,50],[8,51],[7,51],[7,50]]]}"#;
/// let same = r#"{"type":"Feature","geometry":{"type":"Polygon",
///     "coordinates":[[[8.00,51],[8,50],[7,50],[7,51],[8,51]]]}}"#;
/// let area = Area::from_geojson("one", one, false)?;
/// assert_eq!(area.digest(), Area::from_geojson("same", same, false)?.digest());
/// assert_ne!(area.digest(), Area::from_geojson("one", one, true)?.digest());
/// # Ok::<(), tilefleet_common::domain::AreaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    polygons: Vec<Polygon>,
    all_touched: bool,
    canonical: String,
    digest: AreaDigest,
}

impl Area {
    /// Reads the polygons of a GeoJSON text; `file` is its name in messages. With `all_touched`, all
    /// pixels that the polygons touch belong to the area, else those whose centre is inside.
    ///
    /// # Errors
    /// [`AreaError`] with the part of the text and what was expected there.
    pub fn from_geojson(file: &str, text: &str, all_touched: bool) -> Result<Self, AreaError> {
        let value = serde_json::from_str(text).map_err(|cause| AreaError::NotJson {
            file: file.to_owned(),
            cause,
        })?;
        Self::new(file, geojson::polygons(file, &value)?, all_touched)
    }

    /// Reads the GeoJSON file at `path`; see [`Self::from_geojson`].
    ///
    /// # Errors
    /// [`AreaError`] when it cannot be read or is not an area.
    pub fn read(path: &str, all_touched: bool) -> Result<Self, AreaError> {
        let unreadable = |cause| AreaError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let mut text = String::new();
        // One byte more than the limit shows that there is more, without reading all of it.
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            let detail = format!("it has more than {MAX_FILE_BYTES} bytes");
            return Err(unreadable(io::Error::other(detail)));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        Self::from_geojson(path, text, all_touched)
    }

    /// The area of a box.
    ///
    /// # Errors
    /// None that a box can have.
    pub fn of_box(bounds: BoundingBox, all_touched: bool) -> Result<Self, AreaError> {
        Self::new("the box", bounds.polygons(), all_touched)
    }

    /// Reads a canonical text, as a task has it; `source` is what has it, for messages.
    ///
    /// # Errors
    /// [`AreaError`] when this version does not understand the text.
    pub fn from_canonical(source: &str, text: &str) -> Result<Self, AreaError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|cause| AreaError::NotJson {
                file: source.to_owned(),
                cause,
            })?;
        let all_touched = value.get("all_touched") == Some(&serde_json::Value::Bool(true));
        Self::new(source, geojson::polygons(source, &value)?, all_touched)
    }

    fn new(file: &str, polygons: Vec<Polygon>, all_touched: bool) -> Result<Self, AreaError> {
        if polygons.is_empty() {
            return Err(AreaError::Part {
                file: file.to_owned(),
                place: error::Place::default(),
                problem: error::AreaProblem::Empty,
            });
        }
        let canonical = canonical::text(&polygons, all_touched);
        if canonical.len() > MAX_AREA_BYTES {
            return Err(AreaError::TooLarge {
                file: file.to_owned(),
                bytes: canonical.len(),
            });
        }
        Ok(Self {
            polygons,
            all_touched,
            digest: AreaDigest::of(canonical.as_bytes()),
            canonical,
        })
    }

    /// The canonical text: GeoJSON that other programs read too.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The SHA-256 of the canonical text.
    pub fn digest(&self) -> &AreaDigest {
        &self.digest
    }

    /// Whether all pixels that the polygons touch belong to the area.
    pub fn all_touched(&self) -> bool {
        self.all_touched
    }

    /// The polygons in degrees.
    pub fn polygons(&self) -> Vec<LonLatPolygon> {
        let corner = |corner: &Corner| (degrees(corner.lon), degrees(corner.lat));
        let ring = |ring: &Ring| ring.iter().map(corner).collect();
        let rings = |polygon: &Polygon| {
            let outline = std::iter::once(&polygon.outline);
            outline.chain(&polygon.holes).map(ring).collect()
        };
        self.polygons.iter().map(rings).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Area, String> {
        Area::from_geojson("area.geojson", text, false).map_err(|error| error.to_string())
    }

    fn polygon(rings: &str) -> String {
        format!(r#"{{"type":"Polygon","coordinates":{rings}}}"#)
    }

    const SQUARE: &str = "[[[7,50],[8,50],[8,51],[7,51],[7,50]]]";

    #[test]
    fn every_wrapping_of_the_same_polygons_is_the_same_area() {
        let square = polygon(SQUARE);
        let feature = |geometry: &str| format!(r#"{{"type":"Feature","geometry":{geometry}}}"#);
        let crs = r#""crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}}"#;
        let texts = [
            square.clone(),
            format!(r#"{{"type":"MultiPolygon","coordinates":[{SQUARE},{SQUARE}]}}"#),
            polygon("[[[8,50,9.5],[8,51,1],[7,51,1],[7,50.00000001,1],[8,50,9.5]]]"),
            feature(&square),
            format!(
                r#"{{"type":"FeatureCollection",{crs},"features":[{},{}]}}"#,
                feature("null"),
                feature(&square)
            ),
            format!(r#"{{"type":"GeometryCollection","geometries":[{square}]}}"#),
        ];
        for text in texts {
            let area = read(&text).unwrap();
            assert_eq!(
                area.canonical(),
                format!(r#"{{"coordinates":[{SQUARE}],"type":"MultiPolygon"}}"#),
                "{text}"
            );
            let again = Area::from_canonical("the ledger", area.canonical()).unwrap();
            assert_eq!(again, area);
        }
    }

    #[test]
    fn a_canonical_text_keeps_whether_all_touched_pixels_count() {
        let area = Area::from_geojson("a", &polygon(SQUARE), true).unwrap();
        let again = Area::from_canonical("the ledger", area.canonical()).unwrap();
        assert!(again.all_touched());
        assert_eq!(again, area);
    }

    #[test]
    fn holes_and_parts_across_the_antimeridian_are_kept() {
        let text = polygon(
            "[[[178,-18],[182,-18],[182,-16],[178,-16],[178,-18]],[[179,-17.5],[179,-17],[179.5,-17]]]",
        );
        let area = read(&text).unwrap();
        let rings: Vec<usize> = area.polygons().iter().map(Vec::len).collect();
        assert_eq!(rings, [1, 2]);
        let across = Area::of_box("178,-18,-178,-16".parse().unwrap(), false).unwrap();
        let without_hole = polygon("[[[178,-18],[182,-18],[182,-16],[178,-16],[178,-18]]]");
        assert_eq!(across, read(&without_hole).unwrap());
    }

    #[test]
    fn the_whole_earth_is_an_area() {
        let box_ = Area::of_box("-180,-90,180,90".parse().unwrap(), false).unwrap();
        assert_eq!(box_.polygons().len(), 1);
        assert!(read(&polygon("[[[-180,-90],[180,-90],[180,90],[-180,90]]]")).is_ok());
        assert!(Area::from_canonical("the ledger", box_.canonical()).is_ok());
    }

    #[test]
    fn an_error_names_file_part_cause_and_next_step() {
        let complaint = |text: &str| read(text).unwrap_err();
        let collection = |geometry: &str| {
            format!(
                r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","geometry":{}}},
                {{"type":"Feature","geometry":{geometry}}}]}}"#,
                polygon(SQUARE)
            )
        };
        let metres = collection(&polygon("[[[500000,5500000],[500010,5500000],[500000,1]]]"));
        assert_eq!(
            complaint(&metres),
            "area.geojson feature 2 ring 1: [500000, 5500000] is not a longitude and a latitude in degrees; convert \
             the file with ogr2ogr -t_srs EPSG:4326 area.geojson FILE"
        );
        let point = collection(r#"{"type":"Point","coordinates":[7,50]}"#);
        assert!(
            complaint(&point)
                .starts_with("area.geojson feature 2: a Point is not an area; expected a Polygon"),
            "{}",
            complaint(&point)
        );
        for (text, words) in [
            (
                polygon("[[[7,50],[8,50],[7,50]]]"),
                "ring 1: it has 2 different corners",
            ),
            (polygon("[[[7,50],[8,50],[9,50]]]"), "it encloses nothing"),
            (
                polygon("[[[7,50],[8,\"x\"],[9,50]]]"),
                "[8,\"x\"] is not a position",
            ),
            (
                polygon("[[[179,0],[-179,0],[-179,5],[179,5]]]"),
                "cut the polygon at the antimeridian",
            ),
            (
                r#"{"type":"FeatureCollection","features":[]}"#.to_owned(),
                "it has no polygon",
            ),
            ("7".to_owned(), "7 is not an area"),
            ("{".to_owned(), "is not JSON"),
        ] {
            let complaint = complaint(&text);
            assert!(complaint.contains(words), "{complaint}");
        }
        let crs =
            r#"{"type":"Polygon","crs":{"properties":{"name":"EPSG:25832"}},"coordinates":[]}"#;
        assert!(complaint(crs).contains("reference system EPSG:25832"));
    }

    #[test]
    fn an_area_of_too_many_corners_says_how_to_simplify_it() {
        let corners: Vec<String> = (0..60_000)
            .map(|n| {
                let angle = f64::from(n) / 60_000.0 * std::f64::consts::TAU;
                format!("[{},{}]", 7.0 + angle.cos(), 50.0 + angle.sin())
            })
            .collect();
        let complaint = read(&polygon(&format!("[[{}]]", corners.join(",")))).unwrap_err();
        assert!(complaint.contains("ogr2ogr -simplify"), "{complaint}");
    }
}
