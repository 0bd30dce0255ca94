//! The headers of a codestream: markers and marker segments (ISO/IEC 15444-1 Annex A).
//!
//! A codestream is a main header, then tile-parts, then EOC. Each tile-part has a header of its own
//! in front of its packets. Files that read one kind of marker segment are named after its marker.

mod cod;
mod coding;
mod main_header;
mod marker;
mod plt;
mod qcd;
mod siz;
mod sot;
mod tile_part_header;
mod tlm;

pub(crate) use cod::{CodingStyle, Progression};
pub(crate) use coding::Coding;
pub(crate) use main_header::MainHeader;
#[cfg(test)]
pub(crate) use marker::{COD, MarkerSegment, QCD};
pub(crate) use marker::{EOC, EPH, SOP, SOT};
#[cfg(test)]
pub(crate) use qcd::Quantization;
pub(crate) use siz::ImageSize;
pub(crate) use sot::{SOT_LENGTH, TilePartStart};
pub(crate) use tile_part_header::TilePartHeader;
