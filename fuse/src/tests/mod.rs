//! Tests of the fuse core as a whole.

mod computed;
mod grids;
mod input;
mod margins;
mod output;
mod pipeline;
mod resources;
mod scenes;
