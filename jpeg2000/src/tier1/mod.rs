//! Code blocks: from coded bytes to wavelet coefficients (ISO/IEC 15444-1 Annexes C and D).
//!
//! The passes run on 64-bit words that hold the significance of 8 columns by 4 rows with a margin
//! of one sample on each side ([`word`]), so that a coefficient's neighbourhood is one shift of one
//! word. Magnitudes are collected bit plane by bit plane ([`planes`]) and turned into integers at
//! the end.

#![cfg_attr(
    feature = "bench",
    allow(dead_code, reason = "the benchmark takes in the tests' encoder")
)]
#![expect(
    clippy::inline_always,
    reason = "the inner loops must be compiled into each kernel of `kernel`"
)]
#![expect(
    clippy::similar_names,
    reason = "the standard's own: MPS and LPS, CX and XORbit"
)]

mod bit_planes;
mod codeblock;
mod coding_passes;
mod context;
mod decoder;
mod kernel;
mod mq;
mod segment;
mod word;

#[cfg(any(test, feature = "bench"))]
#[expect(clippy::unwrap_used, reason = "only tests and the benchmark run it")]
pub(crate) mod reference;

pub(crate) use decoder::{BlockDecoder, BlockFlaw, CodedBlock, MOST_BIT_PLANES, Subband};
