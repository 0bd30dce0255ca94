//! The three coding passes over a code block's words (ISO/IEC 15444-1 D.3).
//!
//! A pass looks only at the coefficients it codes: they are gathered as a bit set per word, and the next one is a count
//! of trailing zeros away.

use super::context::{self, SignificanceTable};
use super::mq::{Contexts, MqDecoder};
use super::word::{self, CENTRE, COLUMNS, FIRST, ROWS};
use super::{CodedBlock, MOST_BIT_PLANES};

/// A code block in decoding.
///
/// The words of all stripes lie in rows of `pitch`, with a ring of unused words around them that takes up what
/// [`word::spread`] writes beyond the block's edges.
#[derive(Debug)]
pub(super) struct Lattice {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Words in one stripe.
    pub(super) words: usize,
    pub(super) stripes: usize,
    pub(super) pitch: usize,
    pub(super) bit_planes: u32,
    table: &'static SignificanceTable,
    contexts: Contexts,
    /// Coefficients found significant so far, with margins.
    pub(super) significant: Vec<u64>,
    /// Those of them that are negative, with margins.
    pub(super) negative: Vec<u64>,
    /// Coefficients that a refinement pass has coded at least once.
    refined: Vec<u64>,
    /// Coefficients coded in this bit-plane's significance pass.
    visited: Vec<u64>,
    /// Bits of the magnitudes: for bit-plane 0 (the least significant) and up, the words of the block without the ring.
    pub(super) magnitude: Vec<u64>,
}

impl Default for Lattice {
    fn default() -> Self {
        Self {
            width: 0,
            height: 0,
            words: 0,
            stripes: 0,
            pitch: 0,
            bit_planes: 0,
            table: context::significance_table(super::Subband::Ll),
            contexts: context::initial(),
            significant: Vec::new(),
            negative: Vec::new(),
            refined: Vec::new(),
            visited: Vec::new(),
            magnitude: Vec::new(),
        }
    }
}

/// What a pass does, by its number within the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// D.3.1 with signs by D.3.2.
    Significance,
    /// D.3.3.
    Refinement,
    /// D.3.4.
    Cleanup,
}

/// The bit-plane of pass `number` and its kind; bit-plane 0 is the least significant.
pub(super) fn pass_at(bit_planes: u32, number: u32) -> (u32, Pass) {
    let kind = match number % 3 {
        0 => Pass::Cleanup,
        1 => Pass::Significance,
        _ => Pass::Refinement,
    };
    (bit_planes - 1 - number.div_ceil(3), kind)
}

impl Lattice {
    /// Makes ready for the first pass of `block`, of which the sizes have been checked.
    pub(super) fn start(&mut self, block: &CodedBlock<'_>) {
        debug_assert!(block.bit_planes <= MOST_BIT_PLANES, "checked by the caller");
        self.width = block.width;
        self.height = block.height;
        self.words = block.width.div_ceil(COLUMNS);
        self.stripes = block.height.div_ceil(ROWS);
        self.pitch = self.words + 2;
        self.bit_planes = block.bit_planes;
        self.table = context::significance_table(block.subband);
        self.contexts = context::initial();
        let ringed = self.pitch * (self.stripes + 2);
        for words in [&mut self.significant, &mut self.negative, &mut self.refined, &mut self.visited] {
            words.clear();
            words.resize(ringed, 0);
        }
        self.magnitude.clear();
        self.magnitude.resize(self.words * self.stripes * block.bit_planes as usize, 0);
    }

    /// Decodes pass `number`; the first is 0.
    #[inline(always)]
    pub(super) fn pass<'a>(&mut self, mq: MqDecoder<'a>, number: u32) -> MqDecoder<'a> {
        let (plane, kind) = pass_at(self.bit_planes, number);
        match kind {
            Pass::Significance => self.significance(mq, plane),
            Pass::Refinement => self.refinement(mq, plane),
            Pass::Cleanup => self.cleanup(mq, plane),
        }
    }

    /// The coefficients of a word that lie within the block.
    #[inline(always)]
    pub(super) fn inside(&self, stripe: usize, word: usize) -> u64 {
        let columns = (self.width - word * COLUMNS).min(COLUMNS);
        let rows = (self.height - stripe * ROWS).min(ROWS);
        CENTRE & word::columns(columns) & word::rows(rows)
    }

    /// D.3.1: the significance propagation pass.
    #[inline(always)]
    fn significance<'a>(&mut self, mut mq: MqDecoder<'a>, plane: u32) -> MqDecoder<'a> {
        let mut contexts = self.contexts;
        let table = self.table;
        for stripe in 0..self.stripes {
            for word in 0..self.words {
                let at = (stripe + 1) * self.pitch + word + 1;
                let before = self.significant[at];
                let inside = self.inside(stripe, word);
                // Insignificant, with a context other than zero.
                let mut left = word::neighbours(before) & !before & inside;
                let mut visited = left;
                let mut significant = before;
                let mut negative = self.negative[at];
                while left != 0 {
                    let position = left.trailing_zeros();
                    let bit = left & left.wrapping_neg();
                    left ^= bit;
                    let near = significant >> (position as usize - FIRST);
                    let context = &mut contexts[usize::from(table[context::significance_index(near)] & 31)];
                    let (decision, next) = mq.decode(*context);
                    *context = next;
                    if decision != 0 {
                        significant |= bit;
                        negative |= sign(&mut mq, &mut contexts, position, near, negative);
                        let woken = word::later_neighbours(position) & inside & !significant;
                        left |= woken;
                        visited |= woken;
                    }
                }
                self.visited[at] = visited;
                self.keep(at, stripe, word, plane, before, significant, negative);
            }
        }
        self.contexts = contexts;
        mq
    }

    /// D.3.3: the magnitude refinement pass.
    #[inline(always)]
    fn refinement<'a>(&mut self, mut mq: MqDecoder<'a>, plane: u32) -> MqDecoder<'a> {
        let mut alone = self.contexts[context::REFINE_ALONE];
        let mut first = self.contexts[context::REFINE_FIRST];
        let mut again = self.contexts[context::REFINE_AGAIN];
        for stripe in 0..self.stripes {
            for word in 0..self.words {
                let at = (stripe + 1) * self.pitch + word + 1;
                let significant = self.significant[at];
                let mut left = significant & !self.visited[at] & self.inside(stripe, word);
                if left == 0 {
                    continue;
                }
                let refined = self.refined[at];
                let accompanied = word::neighbours(significant);
                self.refined[at] = refined | left;
                let mut bits = 0;
                while left != 0 {
                    let position = left.trailing_zeros();
                    left &= left - 1;
                    let context = if refined >> position & 1 != 0 {
                        &mut again
                    } else if accompanied >> position & 1 != 0 {
                        &mut first
                    } else {
                        &mut alone
                    };
                    let (decision, next) = mq.decode(*context);
                    *context = next;
                    bits |= decision << position;
                }
                let place = self.place(stripe, word, plane);
                self.magnitude[place] |= bits;
            }
        }
        self.contexts[context::REFINE_ALONE] = alone;
        self.contexts[context::REFINE_FIRST] = first;
        self.contexts[context::REFINE_AGAIN] = again;
        mq
    }

    /// D.3.4: the cleanup pass.
    #[inline(always)]
    fn cleanup<'a>(&mut self, mut mq: MqDecoder<'a>, plane: u32) -> MqDecoder<'a> {
        let mut contexts = self.contexts;
        let table = self.table;
        for stripe in 0..self.stripes {
            for word in 0..self.words {
                let at = (stripe + 1) * self.pitch + word + 1;
                let before = self.significant[at];
                let inside = self.inside(stripe, word);
                let mut left = inside & !before & !self.visited[at];
                self.visited[at] = 0;
                if left == 0 {
                    continue;
                }
                let mut significant = before;
                let mut negative = self.negative[at];
                // The first coefficients of columns where all four are left and have the zero context.
                let quiet = left & !word::neighbours(before);
                let pairs = quiet & quiet >> 1;
                let mut runs = pairs & pairs >> 2 & word::rows(1);
                while left != 0 {
                    let mut position = left.trailing_zeros();
                    let mut known = false;
                    if runs >> position & 1 != 0 {
                        let (any, next) = mq.decode(contexts[context::RUN_LENGTH]);
                        contexts[context::RUN_LENGTH] = next;
                        if any == 0 {
                            left &= !(0xF << position);
                            continue;
                        }
                        let (high, next) = mq.decode(contexts[context::UNIFORM]);
                        let (low, next) = mq.decode(next);
                        contexts[context::UNIFORM] = next;
                        let row = high << 1 | low;
                        left &= !(((1 << row) - 1) << position);
                        position += u32::try_from(row).unwrap_or(0);
                        known = true;
                    }
                    let bit = 1 << position;
                    left &= !bit;
                    let near = significant >> (position as usize - FIRST);
                    if !known {
                        let context =
                            &mut contexts[usize::from(table[context::significance_index(near)] & 31)];
                        let (decision, next) = mq.decode(*context);
                        *context = next;
                        known = decision != 0;
                    }
                    if known {
                        significant |= bit;
                        negative |= sign(&mut mq, &mut contexts, position, near, negative);
                        // The next column has a significant neighbour now.
                        runs &= !(0b111_1000 << position);
                    }
                }
                self.keep(at, stripe, word, plane, before, significant, negative);
            }
        }
        self.contexts = contexts;
        mq
    }

    /// Stores what a pass found out about a word.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the registers of one inner loop")]
    fn keep(
        &mut self,
        at: usize,
        stripe: usize,
        word: usize,
        plane: u32,
        before: u64,
        significant: u64,
        negative: u64,
    ) {
        let fresh = significant & !before;
        if fresh == 0 {
            return;
        }
        self.significant[at] = significant;
        self.negative[at] = negative;
        word::spread(&mut self.significant, at, self.pitch, fresh);
        word::spread(&mut self.negative, at, self.pitch, fresh & negative);
        let place = self.place(stripe, word, plane);
        self.magnitude[place] |= fresh;
    }

    /// Where `magnitude` holds a word of a bit-plane.
    #[inline(always)]
    fn place(&self, stripe: usize, word: usize, plane: u32) -> usize {
        (plane as usize * self.stripes + stripe) * self.words + word
    }

    /// After the last pass, sets each significant coefficient to the middle of the values it may have: one more bit below
    /// the last one coded (E.1.1.2, r = 1/2). With all passes there is no such bit.
    pub(super) fn settle(&mut self, passes: u32) {
        let Some(last) = passes.checked_sub(1) else { return };
        let (plane, kind) = pass_at(self.bit_planes, last);
        for stripe in 0..self.stripes {
            for word in 0..self.words {
                let at = (stripe + 1) * self.pitch + word + 1;
                let significant = self.significant[at] & CENTRE;
                // After a significance pass the coefficients known before still lack this bit-plane.
                let coded =
                    if kind == Pass::Significance { significant & self.visited[at] } else { significant };
                let place = self.place(stripe, word, plane);
                self.magnitude[place] |= significant & !coded;
                if plane > 0 {
                    let place = self.place(stripe, word, plane - 1);
                    self.magnitude[place] |= coded;
                }
            }
        }
    }
}

/// D.3.2: the sign of the coefficient at `position` that has just become significant; as a set with its bit if negative.
#[inline(always)]
fn sign(mq: &mut MqDecoder<'_>, contexts: &mut Contexts, position: u32, near: u64, negative: u64) -> u64 {
    let near_negative = negative >> (position as usize - FIRST);
    let entry = context::SIGNS[context::sign_index(near, near_negative)];
    let context = &mut contexts[usize::from(entry & 31)];
    let (decision, next) = mq.decode(*context);
    *context = next;
    (decision ^ u64::from(entry >> context::SIGN_FLIP)) << position
}
