//! A code block in decoding: its words, its bit-planes and its contexts.

use super::coding_passes::{Pass, pass_at};
use super::context::{self, SignificanceTable};
use super::mq::{CONTEXTS, Contexts};
use super::word::{self, CENTRE, COLUMNS, ROWS, Towards, margin};
use super::{CodedBlock, MOST_BIT_PLANES, Subband};

/// What is known of the coefficients of one word.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    /// Those within the block.
    pub(super) inside: u64,
    /// Those found significant so far, with margins.
    pub(super) significant: u64,
    /// The negative ones of them, with margins.
    pub(super) negative: u64,
    /// Those coded in this bit-plane's significance pass.
    pub(super) visited: u64,
    /// Those that a refinement pass has coded at least once.
    pub(super) refined: u64,
}

/// A code block in decoding.
///
/// The cells of all stripes lie in rows of `pitch`. An empty row above and below, and an empty cell
/// between two rows, take up the margins beyond the block's edges.
#[derive(Debug)]
pub(super) struct Lattice {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pitch: usize,
    pub(super) bit_planes: u32,
    pub(super) table: &'static SignificanceTable,
    pub(super) contexts: Contexts,
    pub(super) cells: Vec<Cell>,
    /// Bits of the magnitudes: as many words as there are cells for bit-plane 0 (the least
    /// significant), and so on.
    pub(super) magnitude: Vec<u64>,
}

impl Default for Lattice {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            pitch: 0,
            bit_planes: 0,
            table: context::significance_table(Subband::Ll),
            contexts: [0; CONTEXTS],
            cells: Vec::new(),
            magnitude: Vec::new(),
        }
    }
}

impl Lattice {
    /// Makes ready for the first pass of `block`, of which the sizes have been checked.
    pub(super) fn start(&mut self, block: &CodedBlock<'_>) {
        debug_assert!(block.bit_planes <= MOST_BIT_PLANES, "checked by the caller");
        let words = block.width.div_ceil(COLUMNS);
        let stripes = block.height.div_ceil(ROWS);
        self.width = block.width;
        self.height = block.height;
        self.pitch = words + 1;
        self.bit_planes = block.bit_planes;
        self.table = context::significance_table(block.subband);
        context::reset(&mut self.contexts);
        self.cells.clear();
        self.cells
            .resize(self.pitch * (stripes + 2) + 1, Cell::default());
        self.magnitude.clear();
        self.magnitude
            .resize(self.cells.len() * block.bit_planes as usize, 0);
        for stripe in 0..stripes {
            let rows = word::rows((block.height - stripe * ROWS).min(ROWS));
            for word in 0..words {
                let columns = word::columns((block.width - word * COLUMNS).min(COLUMNS));
                let at = self.place(stripe, word);
                self.cells[at].inside = CENTRE & rows & columns;
            }
        }
    }

    /// The cell of a word of a stripe.
    #[inline(always)]
    pub(super) fn place(&self, stripe: usize, word: usize) -> usize {
        (stripe + 1) * self.pitch + word + 1
    }

    /// The cells of all stripes in scan order, and the empty ones between them.
    #[inline(always)]
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        self.pitch + 1..self.cells.len() - self.pitch - 1
    }

    /// Records the coefficients of a cell that became significant in `plane`, and those that are
    /// negative.
    #[inline(always)]
    pub(super) fn found(&mut self, at: usize, plane: u32, fresh: u64, negative: u64) {
        if fresh == 0 {
            return;
        }
        self.refined(at, plane, fresh);
        self.cells[at].significant |= fresh;
        self.cells[at].negative = negative;
        let pitch = self.pitch;
        let mut spread = |to: usize, towards| {
            self.cells[to].significant |= margin(fresh, towards);
            self.cells[to].negative |= margin(fresh & negative, towards);
        };
        spread(at - pitch - 1, Towards::AboveLeft);
        spread(at - pitch, Towards::Above);
        spread(at - pitch + 1, Towards::AboveRight);
        spread(at - 1, Towards::Left);
        spread(at + 1, Towards::Right);
        spread(at + pitch - 1, Towards::BelowLeft);
        spread(at + pitch, Towards::Below);
        spread(at + pitch + 1, Towards::BelowRight);
    }

    /// Adds bits of `plane` to the magnitudes of a cell.
    #[inline(always)]
    pub(super) fn refined(&mut self, at: usize, plane: u32, bits: u64) {
        self.magnitude[plane as usize * self.cells.len() + at] |= bits;
    }

    /// After the last pass, sets each significant coefficient to the middle of the values it may
    /// have: one more bit below the last one coded (E.1.1.2, r = 1/2). With all passes there is no
    /// such bit.
    pub(super) fn settle(&mut self, passes: u32) {
        let Some(last) = passes.checked_sub(1) else {
            return;
        };
        let (plane, kind) = pass_at(self.bit_planes, last);
        if plane == 0 && kind != Pass::Significance {
            return;
        }
        for at in self.places() {
            let cell = self.cells[at];
            let significant = cell.significant & cell.inside;
            // After a significance pass the coefficients known before still lack this bit-plane.
            let coded = if kind == Pass::Significance {
                significant & cell.visited
            } else {
                significant
            };
            self.refined(at, plane, significant & !coded);
            if plane > 0 {
                self.refined(at, plane - 1, coded);
            }
        }
    }
}
