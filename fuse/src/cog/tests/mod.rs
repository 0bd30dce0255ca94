//! The writer held against GDAL, for every type of samples.

mod image;
mod pixels;
mod types;
mod writer;
