//! Tests of the kernel as a whole.

mod by_definition;
mod chunks;
mod gdalwarp;
mod image;
mod order;
