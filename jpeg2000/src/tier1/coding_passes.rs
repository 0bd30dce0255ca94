//! The three coding passes over the groups of a code block (D.3).
//!
//! A pass visits only the coefficients that it codes. It gathers them as a bit set per group, and
//! finds the next one by counting trailing zeros. Only one branch depends on decoded data: whether
//! a coefficient becomes significant. It lets the processor start on the next context before the
//! decision is there. Refinement has no such branch.

use std::hint::select_unpredictable;

use super::codeblock_state::{CodeBlockState, Group};
use super::context;
use super::mq::{Contexts, MqDecoder, State, decision};
use super::word::{self, FIRST, LATER, MIDDLE};

/// The significance propagation pass (D.3.1).
#[inline(always)]
pub(super) fn significance<const TRACED: bool>(
    block: &mut CodeBlockState,
    decoder: &mut MqDecoder<'_, TRACED>,
    plane: u32,
) {
    let mut mq = *decoder;
    for at in block.group_indices() {
        let Group {
            inside,
            significant: before,
            mut negative,
            ..
        } = block.groups[at];
        // Candidates are insignificant and have a context other than zero.
        let open = inside & !before;
        let candidates = word::neighbours(before) & open;
        let mut significant = before;
        let mut left = candidates >> FIRST;
        while left != 0 {
            let position = left.trailing_zeros();
            left &= left - 1;
            let near = significant >> position;
            let context =
                &mut block.contexts[usize::from(block.table[context::significance_index(near)])];
            *context = mq.decode(*context);
            if decision(*context) != 0 {
                significant |= MIDDLE << position;
                negative |= sign(&mut mq, &mut block.contexts, position, near, negative);
                left |= ((LATER << position) & open) >> FIRST;
            }
        }
        let fresh = significant & !before;
        block.groups[at].visited = candidates | word::later(fresh) & open;
        block.mark_significant(at, plane, fresh, negative);
    }
    *decoder = mq;
}

/// The magnitude refinement pass (D.3.3).
#[inline(always)]
pub(super) fn refinement<const TRACED: bool>(
    block: &mut CodeBlockState,
    decoder: &mut MqDecoder<'_, TRACED>,
    plane: u32,
) {
    let mut mq = *decoder;
    // Nearly all refinements use one of two contexts: `state` is that of the next refinement,
    // `other` that of the other context. Which one is next is known before the decision is. So one
    // select on the decoded state both stores it and chooses the next one. `again` is a number
    // because compilers turn a boolean that is carried through a loop into a branch.
    let mut state = block.contexts[context::REFINE_AGAIN];
    let mut other = block.contexts[context::REFINE_FIRST];
    let mut again = 1;
    for at in block.group_indices() {
        let Group {
            inside,
            significant,
            visited,
            refined,
            ..
        } = block.groups[at];
        let mut left = significant & !visited & inside;
        if left == 0 {
            continue;
        }
        block.groups[at].refined = refined | left;
        let alone = left & !refined & !word::neighbours(significant);
        let mut bits = 0;
        if alone == 0 {
            // The usual case: each refinement is either the first one or a further one.
            let mut position = left.trailing_zeros();
            let known = refined >> position & 1;
            (state, other) = swapped_unless(known == again, state, other);
            again = known;
            while left != 0 {
                left &= left - 1;
                let next = mq.decode(state);
                bits |= decision(next) << position;
                position = left.trailing_zeros();
                // After the last coefficient, both choices are right.
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
                    &mut block.contexts[context::REFINE_ALONE]
                } else {
                    &mut other
                };
                *context = mq.decode(*context);
                bits |= decision(*context) << position;
            }
        }
        block.set_bits(at, plane, bits);
    }
    // Store the two states back into their contexts.
    (state, other) = swapped_unless(again == 1, state, other);
    block.contexts[context::REFINE_AGAIN] = state;
    block.contexts[context::REFINE_FIRST] = other;
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

/// The cleanup pass (D.3.4).
#[inline(always)]
pub(super) fn cleanup<const TRACED: bool>(
    block: &mut CodeBlockState,
    decoder: &mut MqDecoder<'_, TRACED>,
    plane: u32,
) {
    let mut mq = *decoder;
    let mut run_length = block.contexts[context::RUN_LENGTH];
    for at in block.group_indices() {
        let Group {
            inside,
            significant: before,
            mut negative,
            visited,
            ..
        } = block.groups[at];
        let candidates = inside & !before & !visited;
        block.groups[at].visited = 0;
        if candidates == 0 {
            continue;
        }
        let mut significant = before;
        // The first coefficients of the columns that are coded as runs: all four coefficients are
        // left and have context zero.
        let quiet = candidates & !word::neighbours(before);
        let pairs = quiet & quiet >> 1;
        let mut runs = (pairs & pairs >> 2 & word::rows(1)) >> FIRST;
        let mut left = candidates >> FIRST;
        // A group of nothing but runs of zeros is done at once, where the decoder can.
        if left == runs * 0b1111 && mq.skip_zeros(run_length, runs.count_ones()) {
            continue;
        }
        while left != 0 {
            let mut position = left.trailing_zeros();
            let mut known = false;
            if runs >> position & 1 != 0 {
                // A run: one decision for the whole column, then the row of the first significant
                // coefficient.
                run_length = mq.decode(run_length);
                if decision(run_length) == 0 {
                    left &= !(0b1111 << position);
                    continue;
                }
                let high = mq.decode(block.contexts[context::UNIFORM]);
                let low = mq.decode(high);
                block.contexts[context::UNIFORM] = low;
                let row = decision(high) << 1 | decision(low);
                left &= !(((1 << row) - 1) << position);
                position = left.trailing_zeros();
                known = true;
            }
            left &= left - 1;
            let near = significant >> position;
            if !known {
                let context = &mut block.contexts
                    [usize::from(block.table[context::significance_index(near)])];
                *context = mq.decode(*context);
                known = decision(*context) != 0;
            }
            if known {
                significant |= MIDDLE << position;
                negative |= sign(&mut mq, &mut block.contexts, position, near, negative);
                // The next column has a significant neighbour now, so it is no run any more.
                runs &= !(0b111_1000 << position);
            }
        }
        block.mark_significant(at, plane, significant & !before, negative);
    }
    block.contexts[context::RUN_LENGTH] = run_length;
    *decoder = mq;
}

/// Decodes the sign of the coefficient at `position`, which has just become significant (D.3.2).
/// Returns a set that holds the coefficient if it is negative.
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
