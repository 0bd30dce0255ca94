//! The JP2 file: the boxes around the codestream, and where its tiles are (ISO/IEC 15444-1 Annex
//! I).
//!
//! `image` reads everything in front of the first tile, `tiles` finds the tiles after it.

mod boxes;
mod image;
mod tiles;

pub use image::Image;
pub use tiles::{Tile, Tiles};
