//! Tier-2: which code block gets which bytes of a tile (ISO/IEC 15444-1 Annex B).

pub(crate) mod geometry;
pub(crate) mod header_bits;
pub(crate) mod packets;
pub(crate) mod tag_tree;
