//! The reference of tier-1: a slow coder that follows the text of ISO/IEC 15444-1 line by line.
//!
//! `block` has the coding passes (Annex D), one coefficient at a time, `mq` both directions of the
//! arithmetic coder (Annex C), and `code` runs them over a block. The tests hold the fast decoder
//! against it. The benchmark takes its data from its encoder.

mod block;
mod code;
mod mq;
#[cfg(test)]
mod tests;

#[cfg(feature = "bench")]
pub(crate) use code::{bit_planes, encode};
