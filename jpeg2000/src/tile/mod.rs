//! From the bytes of a tile to its samples.
//!
//! `decoder` runs the whole way: tile-part headers (`headers`), tier-2, tier-1, the inverse wavelet
//! transformation, and the samples (`samples`). `check` examines tiles that another decoder
//! decodes.

mod check;
mod code_blocks;
mod decoder;
mod headers;
mod samples;
mod truncated_passes;

pub use decoder::TileDecoder;
