//! The state of a code block between its coding passes.

use super::coded_block::{CodedBlock, MOST_BIT_PLANES, Subband};
use super::context::{self, SignificanceTable};
use super::mq::{CONTEXTS, Contexts};
use super::pass_order::{Pass, pass_at};
use super::word::{self, CENTRE, COLUMNS, Neighbour, ROWS, margin};

/// The flags of a group of 8 columns by 4 rows of coefficients, one word each (see [`word`]).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    /// Coefficients inside the block.
    pub(super) inside: u64,
    /// Coefficients that are significant so far, with the margin.
    pub(super) significant: u64,
    /// Significant coefficients that are negative, with the margin.
    pub(super) negative: u64,
    /// Coefficients that the significance pass of this bit-plane coded.
    pub(super) visited: u64,
    /// Coefficients that a refinement pass coded at least once.
    pub(super) refined: u64,
}

/// A code block while it is decoded.
///
/// The groups of a stripe make a row, and the rows lie `pitch` apart. An empty row above and below,
/// and an empty group between two rows, take the margins beyond the edges of the block.
#[derive(Debug)]
pub(super) struct CodeBlockState {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pitch: usize,
    pub(super) bit_planes: u32,
    pub(super) table: &'static SignificanceTable,
    pub(super) contexts: Contexts,
    pub(super) groups: Vec<Group>,
    /// Bits of the magnitudes, one word per group and bit-plane: all groups of bit-plane 0 (the
    /// least significant) first.
    pub(super) magnitude: Vec<u64>,
}

impl Default for CodeBlockState {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            pitch: 0,
            bit_planes: 0,
            table: context::significance_table(Subband::Ll),
            contexts: [0; CONTEXTS],
            groups: Vec::new(),
            magnitude: Vec::new(),
        }
    }
}

impl CodeBlockState {
    /// Prepares for the first pass of `block`, whose sizes are checked already.
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
        self.groups.clear();
        self.groups
            .resize(self.pitch * (stripes + 2) + 1, Group::default());
        self.magnitude.clear();
        self.magnitude
            .resize(self.groups.len() * block.bit_planes as usize, 0);
        for stripe in 0..stripes {
            let rows = word::rows((block.height - stripe * ROWS).min(ROWS));
            for word in 0..words {
                let columns = word::columns((block.width - word * COLUMNS).min(COLUMNS));
                let at = self.group_index(stripe, word);
                self.groups[at].inside = CENTRE & rows & columns;
            }
        }
    }

    /// The index of the group at a column of groups in a stripe.
    #[inline(always)]
    pub(super) fn group_index(&self, stripe: usize, word: usize) -> usize {
        (stripe + 1) * self.pitch + word + 1
    }

    /// The indices of all groups in scan order, and of the empty groups between them.
    #[inline(always)]
    pub(super) fn group_indices(&self) -> std::ops::Range<usize> {
        self.pitch + 1..self.groups.len() - self.pitch - 1
    }

    /// Records the coefficients of a group that became significant in `plane`, and which
    /// coefficients are negative. It copies them into the margins of the groups around.
    #[inline(always)]
    pub(super) fn mark_significant(&mut self, at: usize, plane: u32, fresh: u64, negative: u64) {
        if fresh == 0 {
            return;
        }
        self.set_bits(at, plane, fresh);
        self.groups[at].significant |= fresh;
        self.groups[at].negative = negative;
        let pitch = self.pitch;
        let mut spread = |to: usize, neighbour| {
            self.groups[to].significant |= margin(fresh, neighbour);
            self.groups[to].negative |= margin(fresh & negative, neighbour);
        };
        spread(at - pitch - 1, Neighbour::AboveLeft);
        spread(at - pitch, Neighbour::Above);
        spread(at - pitch + 1, Neighbour::AboveRight);
        spread(at - 1, Neighbour::Left);
        spread(at + 1, Neighbour::Right);
        spread(at + pitch - 1, Neighbour::BelowLeft);
        spread(at + pitch, Neighbour::Below);
        spread(at + pitch + 1, Neighbour::BelowRight);
    }

    /// Sets bits of `plane` in the magnitudes of a group.
    #[inline(always)]
    pub(super) fn set_bits(&mut self, at: usize, plane: u32, bits: u64) {
        self.magnitude[plane as usize * self.groups.len() + at] |= bits;
    }

    /// After the last pass, sets each significant coefficient to the middle of its possible values,
    /// by one more bit below the last coded one (E.1.1.2, r = 1/2). A block with all passes has no
    /// such bit.
    pub(super) fn add_half_step(&mut self, passes: u32) {
        let Some(last) = passes.checked_sub(1) else {
            return;
        };
        let (plane, kind) = pass_at(self.bit_planes, last);
        if plane == 0 && kind != Pass::Significance {
            return;
        }
        for at in self.group_indices() {
            let group = self.groups[at];
            let significant = group.significant & group.inside;
            // After a significance pass, coefficients from earlier bit-planes still lack this one.
            let coded = if kind == Pass::Significance {
                significant & group.visited
            } else {
                significant
            };
            self.set_bits(at, plane, significant & !coded);
            if plane > 0 {
                self.set_bits(at, plane - 1, coded);
            }
        }
    }
}
