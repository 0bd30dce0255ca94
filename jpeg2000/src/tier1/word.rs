//! The 64-bit word that holds one flag for each of 8 columns by 4 rows, in scan order, with its
//! margin.
//!
//! A code block is scanned in stripes of four rows, column by column (ISO/IEC 15444-1 D.1). A word
//! covers eight columns of one stripe. Each column takes six bits: the row above the stripe, its
//! four rows, and the row below; the columns left and right of the eight are there too. So bit
//! order is scan order, a coefficient's eight neighbours lie at fixed distances, and no neighbour
//! is ever in another word. The price is that a coefficient at a word's edge is copied into the
//! margins of the words around it.

/// Columns of the block in one word.
pub(super) const COLUMNS: usize = 8;

/// Rows of the block in one word: the height of a stripe (D.1).
pub(super) const ROWS: usize = 4;

/// Bits from a coefficient to the one on its right.
const COLUMN_BITS: usize = 6;

/// The position of the word's first coefficient, and within a neighbourhood the position of its
/// middle.
///
/// A neighbourhood is a word shifted so that the coefficient above and to the left is bit 0.
pub(super) const FIRST: usize = COLUMN_BITS + 1;

/// The middle of a neighbourhood.
pub(super) const MIDDLE: u64 = 1 << FIRST;

/// Those of a neighbourhood that are scanned after its middle: the one below, and the column on the
/// right.
pub(super) const LATER: u64 = MIDDLE << 1 | (MIDDLE >> 1 | MIDDLE | MIDDLE << 1) << COLUMN_BITS;

/// The word's own coefficients, without the margin.
pub(super) const CENTRE: u64 = columns(COLUMNS) & rows(ROWS);

/// Row 0 of the word's own coefficients.
const TOP: u64 = CENTRE & rows(1);

/// Row 3 of the word's own coefficients.
const BOTTOM: u64 = TOP << 3;

/// The first column of the word's own coefficients.
const LEFT: u64 = CENTRE & columns(1);

/// The last column of the word's own coefficients.
const RIGHT: u64 = LEFT << (COLUMN_BITS * (COLUMNS - 1));

/// The first `count` columns, all rows.
pub(super) const fn columns(count: usize) -> u64 {
    ((1 << (COLUMN_BITS * count)) - 1) << COLUMN_BITS
}

/// The first `count` rows, all columns.
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

/// The position of a coefficient of the word.
pub(super) const fn position(column: usize, row: usize) -> usize {
    FIRST + COLUMN_BITS * column + row
}

/// The coefficients with at least one of their eight neighbours in `flags`; only [`CENTRE`] is
/// meaningful.
#[inline(always)]
pub(super) fn neighbours(flags: u64) -> u64 {
    let vertical = (flags << 1) | (flags >> 1);
    let column = flags | vertical;
    vertical | (column << COLUMN_BITS) | (column >> COLUMN_BITS)
}

/// The coefficients that have one of `flags` among the neighbours scanned before them; only
/// [`CENTRE`] is meaningful.
#[inline(always)]
pub(super) fn later(flags: u64) -> u64 {
    flags << 1 | (flags << 1 | flags | flags >> 1) << COLUMN_BITS
}

/// What a word contributes to one of the eight words around it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Towards {
    Left,
    Right,
    Above,
    Below,
    AboveLeft,
    AboveRight,
    BelowLeft,
    BelowRight,
}

/// The coefficients of `flags` that lie in the margin of a word around this one, where that word
/// has them.
#[inline(always)]
pub(super) fn margin(flags: u64, towards: Towards) -> u64 {
    const ACROSS: usize = COLUMN_BITS * COLUMNS;
    match towards {
        Towards::Left => (flags & LEFT) << ACROSS,
        Towards::Right => (flags & RIGHT) >> ACROSS,
        Towards::Above => (flags & TOP) << ROWS,
        Towards::Below => (flags & BOTTOM) >> ROWS,
        Towards::AboveLeft => (flags & TOP & LEFT) << (ACROSS + ROWS),
        Towards::AboveRight => (flags & TOP & RIGHT) >> (ACROSS - ROWS),
        Towards::BelowLeft => (flags & BOTTOM & LEFT) << (ACROSS - ROWS),
        Towards::BelowRight => (flags & BOTTOM & RIGHT) >> (ACROSS + ROWS),
    }
}
