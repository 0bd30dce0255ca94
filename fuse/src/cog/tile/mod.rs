//! From planes of samples to compressed tiles.

mod compression;
mod encoder;
mod interleave;
mod lerc;

pub(crate) use compression::Predictor;
pub use compression::{Compression, NotACompression};
pub(crate) use encoder::{Encoder, LEADER, TRAILER};
pub(crate) use interleave::TileSample;
pub(crate) use interleave::{Pixels, Tiling};
pub(crate) use lerc::PARAMETERS as LERC_PARAMETERS;
