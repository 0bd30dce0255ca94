//! Areas: which part of each cell a task makes.
//!
//! An area is read from GeoJSON (`geojson`) or made of a bounding box (`bbox`). Its canonical text
//! (`canonical`) is GeoJSON again: polygons in longitude and latitude, cut at the antimeridian
//! (`antimeridian`), with rings that begin and turn in one way (`ring`). So two files that say the
//! same have the same text, and its SHA-256 (`digest`) names the area in task ids, messages and
//! output keys. `scope` says what a task's messages have of it.

mod antimeridian;
mod bbox;
mod canonical;
mod digest;
mod error;
mod geojson;
mod min_valid;
mod ring;
mod scope;
mod value;

pub use bbox::{BoundingBox, NotABox};
pub use canonical::MAX_AREA_BYTES;
pub use digest::AreaDigest;
pub use error::{AreaError, AreaProblem};
pub use min_valid::{MinValid, NotAShare};
pub use scope::Scope;
pub use value::{Area, LonLatPolygon};
