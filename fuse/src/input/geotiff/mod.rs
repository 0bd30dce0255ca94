//! `GeoTIFF` bands, Cloud Optimized ones among them.

mod mask;
mod reader;
mod samples;
mod stream;
mod tags;
mod tiles;

pub(crate) use reader::open;
