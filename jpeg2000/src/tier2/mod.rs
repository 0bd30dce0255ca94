//! Tier-2: from the packets of a tile to the bytes of its code blocks (ISO/IEC 15444-1 Annex B).
//!
//! `geometry` divides a tile into resolution levels, subbands, precincts and code blocks, and
//! `progression` orders its packets. A packet has a header, which says how many coding passes and
//! bytes each code block of a precinct gets (`packet_header`, from `header_bits` and `tag_tree`),
//! and then these bytes. `packets` reads all packets of a tile, `precincts` keeps what they said.

mod geometry;
mod header_bits;
mod packet_header;
mod packets;
mod precincts;
mod progression;
mod tag_tree;
mod tile_part;

pub(crate) use geometry::{Band, TileGeometry};
pub(crate) use packets::PacketReader;
pub(crate) use precincts::CodeBlock;
pub(crate) use tile_part::TilePart;
