//! Encoding and decoding a whole code block.

use super::block::ReferenceBlock;
use super::mq::{MqEncoder, ReferenceMqDecoder};
use crate::tier1::Subband;

/// Bit-planes that the coefficients need.
pub(crate) fn bit_planes(coefficients: &[i32]) -> u32 {
    coefficients
        .iter()
        .map(|value| 32 - value.unsigned_abs().leading_zeros())
        .max()
        .unwrap_or(0)
}

/// Encodes the first `passes` passes, and ends the segment there.
pub(crate) fn encode(
    size: (usize, usize),
    subband: Subband,
    coefficients: &[i32],
    bit_planes: u32,
    passes: u32,
) -> Vec<u8> {
    let mut block = ReferenceBlock::new(MqEncoder::new(), size, subband, coefficients);
    block.run(bit_planes, passes);
    block.coder.flush()
}

/// Decodes the first `passes` passes of a segment.
pub(super) fn decode(
    size: (usize, usize),
    subband: Subband,
    segment: &[u8],
    bit_planes: u32,
    passes: u32,
) -> Vec<i32> {
    let zeros = vec![0; size.0 * size.1];
    let mut block = ReferenceBlock::new(ReferenceMqDecoder::new(segment), size, subband, &zeros);
    block.run(bit_planes, passes);
    block.decoded()
}
