//! Tests of the fuse core as a whole.

mod computed;
mod geotiffs;
mod grids;
mod input;
mod margins;
mod output;
mod pipeline;
mod places;
mod resources;
mod scales;
mod scenes;
