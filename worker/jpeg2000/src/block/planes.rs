//! From bit-planes to coefficients.

use super::lattice::Lattice;
use super::word::{self, COLUMNS, ROWS};

/// Writes the coefficients of `lattice` into `out`, row by row at `stride`.
#[inline(always)]
pub(super) fn write(lattice: &Lattice, out: &mut [i32], stride: usize) {
    for (stripe, top) in (0..lattice.height).step_by(ROWS).enumerate() {
        for (word, first) in (0..lattice.width).step_by(COLUMNS).enumerate() {
            let at = lattice.place(stripe, word);
            let mut block = [[0_u32; COLUMNS]; ROWS];
            if lattice.cells[at].significant != 0 {
                for (plane, words) in lattice.magnitude.chunks_exact(lattice.cells.len()).enumerate() {
                    let bits = words[at];
                    for (row, values) in block.iter_mut().enumerate() {
                        for (column, value) in values.iter_mut().enumerate() {
                            *value |= u32::from(bits >> word::position(column, row) & 1 != 0) << plane;
                        }
                    }
                }
            }
            let negative = lattice.cells[at].negative;
            let columns = (lattice.width - first).min(COLUMNS);
            for (row, values) in block.iter().enumerate().take(lattice.height - top) {
                let start = (top + row) * stride + first;
                for (column, (to, &value)) in out[start..start + columns].iter_mut().zip(values).enumerate() {
                    let sign =
                        0_i32.wrapping_sub(i32::from(negative >> word::position(column, row) & 1 != 0));
                    *to = (value.cast_signed() ^ sign).wrapping_sub(sign);
                }
            }
        }
    }
}
