//! From the bytes of a tile to its samples.

pub(crate) mod check;
pub(crate) mod decoder;
pub(crate) mod samples;
pub(crate) mod truncated_passes;

pub use decoder::TileDecoder;
