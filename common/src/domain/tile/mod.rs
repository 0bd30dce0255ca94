//! Tiles: what the acquisitions of a satellite are cut into, each sensor by its own grid.

mod grids;
mod mgrs;
mod wrs2;

pub use grids::Tile;
pub use mgrs::MgrsTile;
pub use wrs2::Wrs2Tile;
