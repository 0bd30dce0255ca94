//! The 64-bit word that holds one flag for each coefficient of a group, in scan order, with a
//! margin.
//!
//! A code block is scanned in stripes of four rows, column by column (D.1). A group has eight
//! columns of one stripe. In its word, each column takes six bits: the row above the stripe, the
//! four rows of the stripe, and the row below. The columns to the left and right of the eight are
//! there too. So bit order is scan order, the eight neighbours of a coefficient lie at fixed
//! distances, and they are always in the same word. The price: a coefficient at the edge of a group
//! is copied into the margins of the groups around it.

/// Columns of the block in one group.
pub(super) const COLUMNS: usize = 8;

/// Rows of the block in one group: the height of a stripe (D.1).
pub(super) const ROWS: usize = 4;

/// Bits from a coefficient to the one on its right.
const COLUMN_BITS: usize = 6;

/// The position of the first coefficient of the group. In a neighbourhood, the position of its
/// middle.
///
/// A neighbourhood is a word that is shifted until the coefficient above and to the left is bit 0.
pub(super) const FIRST: usize = COLUMN_BITS + 1;

/// The middle of a neighbourhood.
pub(super) const MIDDLE: u64 = 1 << FIRST;

/// The coefficients of a neighbourhood that are scanned after its middle: the one below, and the
/// column to the right.
pub(super) const LATER: u64 = MIDDLE << 1 | (MIDDLE >> 1 | MIDDLE | MIDDLE << 1) << COLUMN_BITS;

/// The coefficients of the group, without the margin.
pub(super) const CENTRE: u64 = columns(COLUMNS) & rows(ROWS);

/// Row 0 of the group.
const TOP: u64 = CENTRE & rows(1);

/// Row 3 of the group.
const BOTTOM: u64 = TOP << 3;

/// The first column of the group.
const LEFT: u64 = CENTRE & columns(1);

/// The last column of the group.
const RIGHT: u64 = LEFT << (COLUMN_BITS * (COLUMNS - 1));

/// The first `count` columns of the group, all rows.
pub(super) const fn columns(count: usize) -> u64 {
    ((1 << (COLUMN_BITS * count)) - 1) << COLUMN_BITS
}

/// The first `count` rows of the group, all columns.
pub(super) const fn rows(count: usize) -> u64 {
    let column = ((1 << count) - 1) << 1;
    let mut all = 0;
    let mut index = 0;
    while index < COLUMNS + 2 {
        all |= column << (COLUMN_BITS * index);
        index += 1;
    }
    all
}

/// The position of a coefficient of the group.
pub(super) const fn position(column: usize, row: usize) -> usize {
    FIRST + COLUMN_BITS * column + row
}

/// The coefficients that have one of their eight neighbours in `flags`. Only the bits of [`CENTRE`]
/// are valid.
#[inline(always)]
pub(super) fn neighbours(flags: u64) -> u64 {
    let vertical = (flags << 1) | (flags >> 1);
    let column = flags | vertical;
    vertical | (column << COLUMN_BITS) | (column >> COLUMN_BITS)
}

/// The coefficients that have one of `flags` among the neighbours scanned before them. Only the
/// bits of [`CENTRE`] are valid.
#[inline(always)]
pub(super) fn later(flags: u64) -> u64 {
    flags << 1 | (flags << 1 | flags | flags >> 1) << COLUMN_BITS
}

/// One of the eight groups around a group.
#[derive(Debug, Clone, Copy)]
pub(super) enum Neighbour {
    Left,
    Right,
    Above,
    Below,
    AboveLeft,
    AboveRight,
    BelowLeft,
    BelowRight,
}

/// The coefficients of `flags` that lie in the margin of a neighbour, at their positions in the
/// neighbour's word.
#[inline(always)]
pub(super) fn margin(flags: u64, neighbour: Neighbour) -> u64 {
    const ACROSS: usize = COLUMN_BITS * COLUMNS;
    match neighbour {
        Neighbour::Left => (flags & LEFT) << ACROSS,
        Neighbour::Right => (flags & RIGHT) >> ACROSS,
        Neighbour::Above => (flags & TOP) << ROWS,
        Neighbour::Below => (flags & BOTTOM) >> ROWS,
        Neighbour::AboveLeft => (flags & TOP & LEFT) << (ACROSS + ROWS),
        Neighbour::AboveRight => (flags & TOP & RIGHT) >> (ACROSS - ROWS),
        Neighbour::BelowLeft => (flags & BOTTOM & LEFT) << (ACROSS - ROWS),
        Neighbour::BelowRight => (flags & BOTTOM & RIGHT) >> (ACROSS + ROWS),
    }
}
