//! The contexts of the coding passes, as tables over the neighbourhood of a coefficient (D.3).

use super::coded_block::Subband;
use super::mq::{self, Contexts};

/// The first of the five sign contexts (table D.3).
const SIGN: u8 = 9;

/// The context of the first refinement, without significant neighbours (table D.4).
pub(super) const REFINE_ALONE: usize = 14;

/// The context of the first refinement, with significant neighbours (table D.4).
pub(super) const REFINE_FIRST: usize = 15;

/// The context of all further refinements (table D.4).
pub(super) const REFINE_AGAIN: usize = 16;

/// The context of whether a column of four has a significant coefficient (table D.5).
pub(super) const RUN_LENGTH: usize = 17;

/// The context of which of the four is the first significant one (table D.5).
pub(super) const UNIFORM: usize = 18;

/// The significance contexts of one kind of subband, by [`significance_index`].
pub(super) type SignificanceTable = [u8; 512];

/// Sets all contexts to their states before the first pass (table D.7).
pub(super) fn reset(contexts: &mut Contexts) {
    contexts[..19].fill(mq::initial(0));
    contexts[0] = mq::initial(4);
    contexts[RUN_LENGTH] = mq::initial(3);
    contexts[UNIFORM] = mq::initial(46);
}

/// Packs a 3x3 neighbourhood into 9 bits. The coefficient itself is at bit 7 of `near`.
///
/// The left column (above, beside, below) goes to bits 0 to 2, the right column to bits 3 to 5, the
/// coefficient above to bit 6, itself to 7, and the one below to 8.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "9 bits")]
pub(super) fn significance_index(near: u64) -> usize {
    ((near & 0o707) | (near >> 9 & 0o70)) as usize
}

/// Table D.1 for one kind of subband.
pub(super) fn significance_table(subband: Subband) -> &'static SignificanceTable {
    static LL_LH: SignificanceTable = significance(Subband::Lh);
    static HL: SignificanceTable = significance(Subband::Hl);
    static HH: SignificanceTable = significance(Subband::Hh);
    match subband {
        Subband::Ll | Subband::Lh => &LL_LH,
        Subband::Hl => &HL,
        Subband::Hh => &HH,
    }
}

const fn significance(subband: Subband) -> SignificanceTable {
    let mut table = [0; 512];
    let mut index = 0;
    while index < 512 {
        let horizontal = (index >> 1 & 1) + (index >> 4 & 1);
        let vertical = (index >> 6 & 1) + (index >> 8 & 1);
        let diagonal = (index & 1) + (index >> 2 & 1) + (index >> 3 & 1) + (index >> 5 & 1);
        table[index] = match subband {
            Subband::Ll | Subband::Lh => by_direction(horizontal, vertical, diagonal),
            Subband::Hl => by_direction(vertical, horizontal, diagonal),
            Subband::Hh => by_diagonal(horizontal + vertical, diagonal),
        };
        index += 1;
    }
    table
}

/// Table D.1, the columns "LL and LH". With the directions swapped, it is the column "HL".
const fn by_direction(along: usize, across: usize, diagonal: usize) -> u8 {
    match (along, across, diagonal) {
        (2, _, _) => 8,
        (1, 1.., _) => 7,
        (1, 0, 1..) => 6,
        (1, 0, 0) => 5,
        (_, 2, _) => 4,
        (_, 1, _) => 3,
        (_, _, 2..) => 2,
        (_, _, 1) => 1,
        _ => 0,
    }
}

/// Table D.1, the column "HH".
const fn by_diagonal(straight: usize, diagonal: usize) -> u8 {
    match (diagonal, straight) {
        (3.., _) => 8,
        (2, 1..) => 7,
        (2, 0) => 6,
        (1, 2..) => 5,
        (1, 1) => 4,
        (1, 0) => 3,
        (_, 2..) => 2,
        (_, 1) => 1,
        _ => 0,
    }
}

/// Packs the significance and the sign of the four straight neighbours into 10 bits. Both are
/// shifted as for [`significance_index`].
///
/// Each neighbour takes two bits, the significance below the sign: left at bit 1, right at 4, above
/// at 6, below at 8.
#[inline(always)]
pub(super) fn sign_index(near: u64, near_negative: u64) -> usize {
    const STRAIGHT: u64 = 1 << 1 | 1 << 6 | 1 << 8 | 1 << 13;
    let pairs = (near & STRAIGHT) | (near_negative & STRAIGHT) << 1;
    ((pairs | pairs >> 9) & 0x3F6) as usize
}

/// The sign context, and the bit to combine with the decision, by [`sign_index`] (tables D.2 and
/// D.3).
pub(super) static SIGNS: [(u8, u8); 1024] = signs();

const fn signs() -> [(u8, u8); 1024] {
    let mut table = [(0, 0); 1024];
    let mut index = 0;
    while index < 1024 {
        let horizontal = contribution(index >> 1, index >> 4);
        let vertical = contribution(index >> 6, index >> 8);
        let (context, flip) = match (horizontal, vertical) {
            (1, 1) => (4, 0),
            (1, 0) => (3, 0),
            (1, _) => (2, 0),
            (0, 1) => (1, 0),
            (0, 0) => (0, 0),
            (0, _) => (1, 1),
            (_, 1) => (2, 1),
            (_, 0) => (3, 1),
            _ => (4, 1),
        };
        table[index] = (SIGN + context, flip);
        index += 1;
    }
    table
}

/// The sum of the signs of two neighbours, clamped to -1 to 1 (table D.2).
const fn contribution(first: usize, second: usize) -> i32 {
    const fn sign(pair: usize) -> i32 {
        match pair & 3 {
            1 => 1,
            3 => -1,
            _ => 0,
        }
    }
    match sign(first) + sign(second) {
        1.. => 1,
        0 => 0,
        _ => -1,
    }
}
