//! From bit-planes to coefficients.

use super::passes::Lattice;
use super::word::{self, COLUMNS, ROWS};

/// Writes the coefficients of `lattice` into `out`, row by row at `stride`.
#[inline(always)]
pub(super) fn write(lattice: &Lattice, out: &mut [i32], stride: usize) {
    let plane_words = lattice.words * lattice.stripes;
    for stripe in 0..lattice.stripes {
        let rows = (lattice.height - stripe * ROWS).min(ROWS);
        for word in 0..lattice.words {
            let columns = (lattice.width - word * COLUMNS).min(COLUMNS);
            let at = (stripe + 1) * lattice.pitch + word + 1;
            let mut block = [[0_u32; COLUMNS]; ROWS];
            if lattice.significant[at] != 0 {
                let place = stripe * lattice.words + word;
                for plane in 0..lattice.bit_planes as usize {
                    let bits = lattice.magnitude[plane * plane_words + place];
                    for (row, values) in block.iter_mut().enumerate() {
                        for (column, value) in values.iter_mut().enumerate() {
                            *value |= u32::from(bits >> word::position(column, row) & 1 != 0) << plane;
                        }
                    }
                }
            }
            let negative = lattice.negative[at];
            for (row, values) in block.iter().enumerate().take(rows) {
                let start = (stripe * ROWS + row) * stride + word * COLUMNS;
                for (column, (to, &value)) in out[start..start + columns].iter_mut().zip(values).enumerate() {
                    let sign =
                        0_i32.wrapping_sub(i32::from(negative >> word::position(column, row) & 1 != 0));
                    *to = (value.cast_signed() ^ sign).wrapping_sub(sign);
                }
            }
        }
    }
}
