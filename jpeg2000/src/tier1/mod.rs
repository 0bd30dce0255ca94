//! Tier-1: from the bytes of a code block to wavelet coefficients (ISO/IEC 15444-1 Annexes C and
//! D).
//!
//! A code block is coded bit-plane by bit-plane, from the most significant one down, in up to three
//! coding passes each (`pass_order`, `coding_passes`). Each pass codes decisions in contexts that
//! depend on the neighbours of a coefficient (`context`). The MQ coder turns decisions into bits
//! (`mq`, `segment`).
//!
//! The passes run on 64-bit words. A word holds one flag for each of 8 columns by 4 rows, with a
//! margin of one coefficient on each side (`word`), so that the neighbourhood of a coefficient is
//! one shift of one word. Magnitudes are collected bit-plane by bit-plane (`codeblock_state`) and
//! turned into integers at the end (`bit_planes`). `kernel` picks the machine instructions,
//! `decoder` runs it all, and `reference` is a slow second coder that the tests compare with.

#![cfg_attr(
    feature = "bench",
    allow(dead_code, reason = "the benchmark uses the encoder of the tests")
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
mod codeblock_state;
mod coded_block;
mod coding_passes;
mod context;
mod decoder;
mod kernel;
mod mq;
mod pass_order;
mod segment;
mod word;

#[cfg(any(test, feature = "bench"))]
#[expect(
    clippy::unwrap_used,
    reason = "only tests and the benchmark run this code"
)]
pub(crate) mod reference;

#[cfg(test)]
pub(crate) use coded_block::BlockFlaw;
pub(crate) use coded_block::{CodedBlock, Subband};
pub(crate) use decoder::BlockDecoder;
pub(crate) use pass_order::pass_count;
