//! From bit-planes to coefficients: transposing the bits of a group into integers.

use super::codeblock_state::CodeBlockState;
use super::word::{self, COLUMNS, ROWS};

/// Bit-planes to gather at once, which is the width of a lane.
const LANE: usize = 16;

/// Writes the coefficients of `block` into `out`, row by row, `stride` coefficients apart.
#[inline(always)]
pub(super) fn write_coefficients(block: &CodeBlockState, out: &mut [i32], stride: usize) {
    for (stripe, top) in (0..block.height).step_by(ROWS).enumerate() {
        for (word, first) in (0..block.width).step_by(COLUMNS).enumerate() {
            let at = block.group_index(stripe, word);
            let values = group_coefficients(block, at);
            let columns = (block.width - first).min(COLUMNS);
            for (row, values) in values.iter().enumerate().take(block.height - top) {
                let start = (top + row) * stride + first;
                let out = &mut out[start..start + columns];
                if let Some(out) = out.first_chunk_mut::<COLUMNS>() {
                    *out = *values;
                } else {
                    out.copy_from_slice(&values[..columns]);
                }
            }
        }
    }
}

/// The coefficients of the group with index `at`.
#[inline(always)]
fn group_coefficients(block: &CodeBlockState, at: usize) -> [[i32; COLUMNS]; ROWS] {
    let mut values = [[0; COLUMNS]; ROWS];
    if block.groups[at].significant == 0 {
        return values;
    }
    let mut planes = block
        .magnitude
        .chunks_exact(block.groups.len())
        .map(|words| words[at]);
    let mut shift = 0;
    while planes.len() > 0 {
        // One number for each column, with one lane for each of its four rows.
        let mut lanes = [0_u64; COLUMNS];
        for (plane, bits) in planes.by_ref().take(LANE).enumerate() {
            for (column, lanes) in lanes.iter_mut().enumerate() {
                *lanes |= spread(bits >> word::position(column, 0)) << plane;
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "one lane of four")]
        for (row, values) in values.iter_mut().enumerate() {
            for (value, lanes) in values.iter_mut().zip(lanes) {
                *value |= i32::from((lanes >> (LANE * row)) as u16) << shift;
            }
        }
        shift += LANE;
    }
    // Negate where the sign says so.
    let negative = block.groups[at].negative;
    for (row, values) in values.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            let sign =
                0_i32.wrapping_sub(i32::from(negative >> word::position(column, row) & 1 != 0));
            *value = (*value ^ sign).wrapping_sub(sign);
        }
    }
    values
}

/// Puts each of the lowest four bits into the lowest bit of a lane of its own.
#[inline(always)]
fn spread(bits: u64) -> u64 {
    const LANES: u64 = 1 | 1 << LANE | 1 << (2 * LANE) | 1 << (3 * LANE);
    // The product puts copies of the bits a lane less one bit apart. So each lane has another of
    // the four bits at its bottom.
    const COPIES: u64 = 1 | 1 << (LANE - 1) | 1 << (2 * (LANE - 1)) | 1 << (3 * (LANE - 1));
    (bits & 0b1111).wrapping_mul(COPIES) & LANES
}
