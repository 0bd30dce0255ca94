//! From wavelet output to samples: the DC level shift and the range of the samples (ISO/IEC 15444-1
//! Annex G.1).

use crate::wavelet::inverse::Row;
use crate::wavelet::lifting;

/// How much of a tile's coefficients the codestream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every pass of every code block.
    Whole,
    /// Every pass of the code blocks that are included. Others have nothing but zeros, or were
    /// dropped.
    Included,
    /// Passes were dropped, which can take samples out of range as far as this.
    Lossy(u32),
}

impl Coverage {
    /// How far samples of `bits` bits may be out of range without being proof of damage.
    pub(crate) fn tolerance(self, bits: u8) -> u32 {
        match self {
            // What was coded without loss comes back without loss.
            Self::Whole => 0,
            // A writer that drops whole blocks drops those with the smallest coefficients.
            Self::Included => (1_u32 << bits >> 4).max(1),
            Self::Lossy(beyond) => beyond,
        }
    }
}

/// The samples of a tile, filled row by row.
pub(crate) struct Samples<'a> {
    out: &'a mut [u16],
    stride: usize,
    width: usize,
    height: usize,
    /// Half of the range, which unsigned samples were shifted down by.
    shift: i32,
    /// The next row.
    row: usize,
    /// How far samples are out of range at most, and in which row.
    worst: (u32, usize),
}

impl<'a> Samples<'a> {
    /// Rows of `width` unsigned samples of `bits` bits, 1 to 16, that begin `stride` apart.
    pub(crate) fn new(
        out: &'a mut [u16],
        stride: usize,
        (width, height): (usize, usize),
        bits: u8,
    ) -> Self {
        Self {
            out,
            stride,
            width,
            height,
            shift: 1 << (bits - 1),
            row: 0,
            worst: (0, 0),
        }
    }

    /// The largest sample.
    fn most(&self) -> i32 {
        2 * self.shift - 1
    }

    fn next_row(&mut self) -> &mut [u16] {
        let start = self.row * self.stride;
        self.row += 1;
        self.out
            .get_mut(start..start + self.width)
            .unwrap_or_default()
    }

    fn note(&mut self, beyond: u32) {
        if beyond > self.worst.0 {
            self.worst = (beyond, self.row - 1);
        }
    }

    /// Adds the next row.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let (shift, most) = (self.shift, self.most());
        let beyond = lifting::finish(row.first, row.second, shift, most, self.next_row());
        self.note(beyond);
    }

    /// Adds all rows from `values`, which no wavelet was applied to.
    pub(crate) fn copy(&mut self, values: &[i32]) {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for row in values.chunks_exact(self.width) {
            first.clear();
            first.extend(row.iter().step_by(2));
            second.clear();
            second.extend(row.iter().skip(1).step_by(2));
            self.push(&Row {
                first: &first,
                second: &second,
            });
        }
    }

    /// Sets all samples to what comes of `value`.
    pub(crate) fn fill(&mut self, value: i32) {
        let mut sample = [0];
        let beyond = lifting::finish(&[value], &[], self.shift, self.most(), &mut sample);
        while self.row < self.height {
            self.next_row().fill(sample[0]);
        }
        self.note(beyond);
    }

    /// How far samples are out of range, as an upper bound less than twice as much; and one row
    /// that has such.
    pub(crate) fn worst(&self) -> (u32, usize) {
        self.worst
    }
}
