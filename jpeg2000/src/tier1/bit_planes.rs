//! From bit-planes to coefficients.

use super::codeblock::Lattice;
use super::word::{self, COLUMNS, ROWS};

/// Bit-planes that are gathered at once: the width of a lane.
const LANE: usize = 16;

/// Writes the coefficients of `lattice` into `out`, row by row at `stride`.
#[inline(always)]
pub(super) fn write(lattice: &Lattice, out: &mut [i32], stride: usize) {
    for (stripe, top) in (0..lattice.height).step_by(ROWS).enumerate() {
        for (word, first) in (0..lattice.width).step_by(COLUMNS).enumerate() {
            let at = lattice.place(stripe, word);
            let values = values(lattice, at);
            let columns = (lattice.width - first).min(COLUMNS);
            for (row, values) in values.iter().enumerate().take(lattice.height - top) {
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

/// The coefficients of one cell.
#[inline(always)]
fn values(lattice: &Lattice, at: usize) -> [[i32; COLUMNS]; ROWS] {
    let mut values = [[0; COLUMNS]; ROWS];
    if lattice.cells[at].significant == 0 {
        return values;
    }
    let mut planes = lattice
        .magnitude
        .chunks_exact(lattice.cells.len())
        .map(|words| words[at]);
    let mut shift = 0;
    while planes.len() > 0 {
        // One lane for each row, the columns side by side.
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
    let negative = lattice.cells[at].negative;
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
    // Copies of the bits, each one lane less one bit further up, so that another one is lowest in
    // each lane.
    const COPIES: u64 = 1 | 1 << (LANE - 1) | 1 << (2 * (LANE - 1)) | 1 << (3 * (LANE - 1));
    (bits & 0b1111).wrapping_mul(COPIES) & LANES
}
