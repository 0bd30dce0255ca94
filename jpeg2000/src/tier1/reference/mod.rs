//! A second coder, for tests and the benchmark.

mod block;
mod mq;
#[cfg(test)]
mod tests;

pub(crate) use mq::{all_passes, bit_planes, encode};
