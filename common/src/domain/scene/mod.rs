//! What addresses in scene buckets, and the names of objects, say of a cell.

mod object_name;
mod path;
mod product;
mod sensor;

pub use object_name::{
    band_in_object_name, other_band_in_object_name, tile_and_date_in_object_name,
};
pub use path::{SceneLayout, ScenePath};
pub use product::{LandsatLevel, LandsatProduct};
pub use sensor::sensor_of_addresses;
