//! The JP2 file around the codestream, and where its tiles are (ISO/IEC 15444-1 Annex I).

pub(crate) mod boxes;
pub(crate) mod image;
pub(crate) mod tiles;

pub use image::Image;
pub use tiles::{Tile, Tiles};
