//! From the output of the wavelet to samples: the DC level shift, and the range of the samples
//! (ISO/IEC 15444-1 G.1).

use crate::wavelet::{Row, lifting};

/// How much of a tile's coefficients the codestream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every pass of every code block.
    Whole,
    /// Every pass of the code blocks that are included. The others are all zero, or the writer
    /// dropped them.
    Included,
    /// Passes were truncated, which can take samples out of range as far as this.
    Lossy(u32),
}

impl Coverage {
    /// How far samples of `bits` bits may be out of range without proving damage.
    pub(crate) fn tolerance(self, bits: u8) -> u32 {
        match self {
            // Coding without loss leaves no sample out of range.
            Self::Whole => 0,
            // A writer that drops whole blocks drops those with the smallest coefficients. A
            // sixteenth of the range covers them.
            Self::Included => (1_u32 << bits >> 4).max(1),
            Self::Lossy(excess) => excess,
        }
    }
}

/// The samples of a tile, which come row by row.
pub(crate) struct Samples<'a> {
    out: &'a mut [u16],
    stride: usize,
    width: usize,
    height: usize,
    /// Half of the range. The writer shifted unsigned samples down by it.
    shift: i32,
    /// The next row.
    row: usize,
    /// How far samples are out of range at most, and a row that has such samples.
    worst: (u32, usize),
}

impl<'a> Samples<'a> {
    /// For rows of `width` unsigned samples of `bits` bits, 1 to 16. The rows begin `stride`
    /// samples apart.
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
    fn largest(&self) -> i32 {
        2 * self.shift - 1
    }

    fn next_row(&mut self) -> &mut [u16] {
        let start = self.row * self.stride;
        self.row += 1;
        self.out
            .get_mut(start..start + self.width)
            .unwrap_or_default()
    }

    fn record(&mut self, excess: u32) {
        if excess > self.worst.0 {
            self.worst = (excess, self.row - 1);
        }
    }

    /// Adds the next row.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        let (shift, largest) = (self.shift, self.largest());
        let excess = lifting::to_samples(row.first, row.second, shift, largest, self.next_row());
        self.record(excess);
    }

    /// Adds all rows from `values`, for tiles without a wavelet.
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

    /// Sets all samples to the one that `value` gives.
    pub(crate) fn fill(&mut self, value: i32) {
        let mut sample = [0];
        let excess = lifting::to_samples(&[value], &[], self.shift, self.largest(), &mut sample);
        while self.row < self.height {
            self.next_row().fill(sample[0]);
        }
        self.record(excess);
    }

    /// An upper bound of how far samples are out of range, less than twice the largest excess, and
    /// a row that has such samples.
    pub(crate) fn worst(&self) -> (u32, usize) {
        self.worst
    }
}
