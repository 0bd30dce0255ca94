//! The head of the file: TIFF structures, and the tags in them.

mod geo_tags;
mod head;
mod number;
mod tiff;

pub(crate) use geo_tags::directory;
pub use geo_tags::{GeoTags, GeoTagsError};
pub(crate) use head::Head;
pub(crate) use tiff::Field;
