//! From tiles of bands to chunks of all bands: which thread decodes what, and when a chunk is
//! handed on.

mod axis;
mod chunk;
mod chunks;
mod layout;
mod lifecycle;
mod limits;
pub(crate) mod memory;
mod order;
mod spare;
mod threads;

pub(crate) use chunk::{BandTiles, Chunk, ChunkSink};
#[cfg(test)]
pub(crate) use chunks::Chunks;
pub(crate) use layout::Layout;
pub(crate) use threads::run;
