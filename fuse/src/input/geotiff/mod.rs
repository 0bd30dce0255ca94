//! `GeoTIFF` bands, Cloud Optimized ones among them.

mod reader;
mod stream;
mod tiles;

pub(crate) use reader::open;
