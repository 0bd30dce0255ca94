//! What the tests share: images, and two decoders for them.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

mod cases;
mod decoder;
mod gdal;
mod image;

pub(crate) use cases::cases;
pub(crate) use decoder::{DAMAGED_LIMIT, decoded, decoded_within, parts};
pub(crate) use gdal::{decoded_by_gdal, encode};
pub(crate) use image::{Content, Raster, raster};
