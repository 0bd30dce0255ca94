//! The head of the file: TIFF structures, and the tags in them.

mod geo_tags;
mod head;
mod number;
mod tiff;

#[cfg(test)]
pub(crate) use geo_tags::file_of_directories;
pub(crate) use geo_tags::{GeoKeys, directory, pixel, system_name};
pub use geo_tags::{GeoTags, GeoTagsError};
pub(crate) use head::Head;
pub(crate) use tiff::Field;
