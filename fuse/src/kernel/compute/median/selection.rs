//! Larger squares, by selection.

use super::lanes::{LANES, Lanes, load, ordered};

/// The values of the squares of one vector.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    values: Vec<Lanes>,
}

impl Selection {
    /// The median of each square of as many columns as there are rows, the first one of which
    /// begins where the rows do. NaN for squares near a missing pixel.
    pub(super) fn row(&mut self, rows: &[&[f32]], out: &mut [f32]) {
        for (at, out) in (0..).step_by(LANES).zip(out.chunks_mut(LANES)) {
            if out.len() == LANES && self.gather(rows, at) {
                out.copy_from_slice(&median(&mut self.values));
            } else {
                out.fill(f32::NAN);
            }
        }
    }

    /// Collects the values of the squares of a vector, unless one of them is missing.
    fn gather(&mut self, rows: &[&[f32]], at: usize) -> bool {
        self.values.clear();
        let mut has_nan = false;
        for row in rows {
            let row = &row[at..at + LANES + rows.len() - 1];
            has_nan |= row.iter().fold(false, |any, value| any | value.is_nan());
            let columns = 0..rows.len();
            self.values.extend(columns.map(|column| load(row, column)));
        }
        !has_nan
    }
}

/// The median of an odd number of values in each lane. Of a little more than half of the values,
/// neither the least nor the greatest can be the median: both are dropped, and the next value takes
/// a place, until one is left ("forgetful selection").
fn median(values: &mut [Lanes]) -> Lanes {
    let count = values.len();
    let mut kept = count / 2 + 2;
    let mut next = kept;
    loop {
        let mut median = [f32::NAN; LANES];
        // The least comes to the front and the greatest to the back.
        if let Some((least, others)) = values[..kept].split_first_mut() {
            for other in &mut *others {
                (*least, *other) = ordered(*least, *other);
            }
            if let Some((greatest, others)) = others.split_last_mut() {
                for other in others {
                    (*other, *greatest) = ordered(*other, *greatest);
                    median = *other;
                }
            }
        }
        kept -= 1;
        if next >= count || kept < 2 {
            return median;
        }
        values[0] = values[next];
        next += 1;
    }
}
