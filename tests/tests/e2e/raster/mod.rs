//! The rasters themselves, held against GDAL and the validators.

mod compressions;
mod fuse_command;
mod real_scenes;
