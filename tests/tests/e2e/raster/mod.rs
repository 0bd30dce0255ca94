//! The rasters themselves, compared with GDAL and checked by validators.

mod compressions;
mod fuse_command;
mod real_landsat;
mod real_recipes;
mod real_scenes;
mod recipes;
