//! JPEG 2000 bands: this project's decoder, and GDAL's for files outside its profile.

mod explain;
mod gdal_reader;
mod reader;
mod stub;

pub(crate) use reader::open;
