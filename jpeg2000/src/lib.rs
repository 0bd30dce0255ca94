//! A decoder for the JPEG 2000 Part 1 coding that Sentinel-2 uses (ISO/IEC 15444-1), strict enough
//! to notice damage.
//!
//! Its profile: JP2 files of one unsigned component of 1 to 16 bits, the reversible 5/3 wavelet, no
//! code-block style flags, no region of interest, no changes of the progression order, no packed
//! packet headers. Everything else about tiles, tile-parts, precincts, code blocks, layers and
//! progression orders is free, as the standard has it. A file outside of it is told apart from a
//! damaged one, so that a decoder of everything can have it.
//!
//! [`Image::read`] reads boxes and the main header, [`Tiles`] finds the tiles while the file may
//! still be arriving, and a [`TileDecoder`] per thread decodes them one by one.
//! [`Image::check_tile`] looks at tiles that another decoder has to take.

mod codestream;
mod error;
mod file;
mod read;
mod rect;
mod tier1;
mod tier2;
mod tile;
mod wavelet;

pub use error::{Error, Flaw, FlawKind};
pub use file::{Image, Tile, Tiles};
pub use read::ReadRange;
pub use tile::TileDecoder;
