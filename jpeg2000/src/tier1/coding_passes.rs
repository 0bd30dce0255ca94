//! The three coding passes over a code block's words (ISO/IEC 15444-1 D.3).
//!
//! A pass looks only at the coefficients it codes: they are gathered as a bit set per word, and the
//! next one is a count of trailing zeros away. Whether a coefficient becomes significant is the one
//! branch on decoded data: it lets the processor go on with the next context before the decision is
//! there. Refinement has no such branch.

use std::hint::select_unpredictable;

use super::codeblock::{Cell, Lattice};
use super::context;
use super::mq::{Contexts, MqDecoder, State, decision};
use super::word::{self, FIRST, LATER, MIDDLE};

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

/// D.3.1: the significance propagation pass.
#[inline(always)]
pub(super) fn significance<const TRACED: bool>(
    lattice: &mut Lattice,
    decoder: &mut MqDecoder<'_, TRACED>,
    plane: u32,
) {
    let mut mq = *decoder;
    for at in lattice.places() {
        let Cell {
            inside,
            significant: before,
            mut negative,
            ..
        } = lattice.cells[at];
        // Insignificant, with a context other than zero.
        let open = inside & !before;
        let candidates = word::neighbours(before) & open;
        let mut significant = before;
        let mut left = candidates >> FIRST;
        while left != 0 {
            let position = left.trailing_zeros();
            left &= left - 1;
            let near = significant >> position;
            let context = &mut lattice.contexts
                [usize::from(lattice.table[context::significance_index(near)])];
            *context = mq.decode(*context);
            if decision(*context) != 0 {
                significant |= MIDDLE << position;
                negative |= sign(&mut mq, &mut lattice.contexts, position, near, negative);
                left |= ((LATER << position) & open) >> FIRST;
            }
        }
        let fresh = significant & !before;
        lattice.cells[at].visited = candidates | word::later(fresh) & open;
        lattice.found(at, plane, fresh, negative);
    }
    *decoder = mq;
}

/// D.3.3: the magnitude refinement pass.
#[inline(always)]
pub(super) fn refinement<const TRACED: bool>(
    lattice: &mut Lattice,
    decoder: &mut MqDecoder<'_, TRACED>,
    plane: u32,
) {
    let mut mq = *decoder;
    // The state of the context that is next, and that of the other one of the two. Which one is
    // next is known before the decision is, so that one select on the decoded state does for both
    // its return and the choice. `again` is a number because compilers make a branch of a truth
    // value that goes round a loop.
    let mut state = lattice.contexts[context::REFINE_AGAIN];
    let mut other = lattice.contexts[context::REFINE_FIRST];
    let mut again = 1;
    for at in lattice.places() {
        let Cell {
            inside,
            significant,
            visited,
            refined,
            ..
        } = lattice.cells[at];
        let mut left = significant & !visited & inside;
        if left == 0 {
            continue;
        }
        lattice.cells[at].refined = refined | left;
        let alone = left & !refined & !word::neighbours(significant);
        let mut bits = 0;
        if alone == 0 {
            let mut position = left.trailing_zeros();
            let known = refined >> position & 1;
            (state, other) = swapped_unless(known == again, state, other);
            again = known;
            while left != 0 {
                left &= left - 1;
                let next = mq.decode(state);
                bits |= decision(next) << position;
                position = left.trailing_zeros();
                // After the last one it is of no meaning which.
                let known = refined.wrapping_shr(position) & 1;
                (state, other) = swapped_unless(known == again, next, other);
                again = known;
            }
        } else {
            // Rare: coefficients without significant neighbours.
            (state, other) = swapped_unless(again == 1, state, other);
            again = 1;
            while left != 0 {
                let position = left.trailing_zeros();
                left &= left - 1;
                let context = if refined >> position & 1 != 0 {
                    &mut state
                } else if alone >> position & 1 != 0 {
                    &mut lattice.contexts[context::REFINE_ALONE]
                } else {
                    &mut other
                };
                *context = mq.decode(*context);
                bits |= decision(*context) << position;
            }
        }
        lattice.refined(at, plane, bits);
    }
    (state, other) = swapped_unless(again == 1, state, other);
    lattice.contexts[context::REFINE_AGAIN] = state;
    lattice.contexts[context::REFINE_FIRST] = other;
    *decoder = mq;
}

/// Both states as they are, or the other way round.
#[inline(always)]
fn swapped_unless(stays: bool, state: State, other: State) -> (State, State) {
    (
        select_unpredictable(stays, state, other),
        select_unpredictable(stays, other, state),
    )
}

/// D.3.4: the cleanup pass.
#[inline(always)]
pub(super) fn cleanup<const TRACED: bool>(
    lattice: &mut Lattice,
    decoder: &mut MqDecoder<'_, TRACED>,
    plane: u32,
) {
    let mut mq = *decoder;
    let mut run_length = lattice.contexts[context::RUN_LENGTH];
    for at in lattice.places() {
        let Cell {
            inside,
            significant: before,
            mut negative,
            visited,
            ..
        } = lattice.cells[at];
        let candidates = inside & !before & !visited;
        lattice.cells[at].visited = 0;
        if candidates == 0 {
            continue;
        }
        let mut significant = before;
        // The first coefficients of columns where all four are left and have the zero context.
        let quiet = candidates & !word::neighbours(before);
        let pairs = quiet & quiet >> 1;
        let mut runs = (pairs & pairs >> 2 & word::rows(1)) >> FIRST;
        let mut left = candidates >> FIRST;
        if left == runs * 0b1111 && mq.skip_zeros(run_length, runs.count_ones()) {
            continue;
        }
        while left != 0 {
            let mut position = left.trailing_zeros();
            let mut known = false;
            if runs >> position & 1 != 0 {
                run_length = mq.decode(run_length);
                if decision(run_length) == 0 {
                    left &= !(0b1111 << position);
                    continue;
                }
                let high = mq.decode(lattice.contexts[context::UNIFORM]);
                let low = mq.decode(high);
                lattice.contexts[context::UNIFORM] = low;
                let row = decision(high) << 1 | decision(low);
                left &= !(((1 << row) - 1) << position);
                position = left.trailing_zeros();
                known = true;
            }
            left &= left - 1;
            let near = significant >> position;
            if !known {
                let context = &mut lattice.contexts
                    [usize::from(lattice.table[context::significance_index(near)])];
                *context = mq.decode(*context);
                known = decision(*context) != 0;
            }
            if known {
                significant |= MIDDLE << position;
                negative |= sign(&mut mq, &mut lattice.contexts, position, near, negative);
                // The next column has a significant neighbour now.
                runs &= !(0b111_1000 << position);
            }
        }
        lattice.found(at, plane, significant & !before, negative);
    }
    lattice.contexts[context::RUN_LENGTH] = run_length;
    *decoder = mq;
}

/// D.3.2: the sign of the coefficient that has just become significant, with its neighbourhood at
/// `position`; as a set with the coefficient if it is negative.
#[inline(always)]
fn sign<const TRACED: bool>(
    mq: &mut MqDecoder<'_, TRACED>,
    contexts: &mut Contexts,
    position: u32,
    near: u64,
    negative: u64,
) -> u64 {
    let (context, flip) = context::SIGNS[context::sign_index(near, negative >> position)];
    let context = &mut contexts[usize::from(context)];
    *context = mq.decode(*context);
    (decision(*context) ^ u64::from(flip)) << position << FIRST
}
