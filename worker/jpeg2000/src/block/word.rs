//! The 64-bit word that holds one flag for each of 8 columns by 4 rows, in scan order, with its margin.
//!
//! A code block is scanned in stripes of four rows, column by column (ISO/IEC 15444-1 D.1). A word covers eight columns
//! of one stripe. Each column takes six bits: the row above the stripe, its four rows, and the row below; the columns
//! left and right of the eight are there too. So bit order is scan order, a coefficient's eight neighbours lie at fixed
//! distances, and no neighbour is ever in another word. The price is that a coefficient at a word's edge is copied into
//! the margins of the words around it.

/// Columns of the block in one word.
pub(super) const COLUMNS: usize = 8;

/// Rows of the block in one word: the height of a stripe (D.1).
pub(super) const ROWS: usize = 4;

/// Bits from a coefficient to the one on its right.
const COLUMN_BITS: usize = 6;

/// The position of the word's first coefficient.
pub(super) const FIRST: usize = COLUMN_BITS + 1;

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

/// The coefficients with at least one of their eight neighbours in `flags`; only [`CENTRE`] is meaningful.
#[inline(always)]
pub(super) fn neighbours(flags: u64) -> u64 {
    let vertical = (flags << 1) | (flags >> 1);
    let column = flags | vertical;
    vertical | (column << COLUMN_BITS) | (column >> COLUMN_BITS)
}

/// The neighbours of the coefficient at `position` that are scanned after it: the next row, and three in the next
/// column. Those outside the word fall into the margin.
#[inline(always)]
pub(super) fn later_neighbours(position: u32) -> u64 {
    0b1110_0010 << position
}

/// Copies the coefficients `fresh` of word `at` into the margins of the eight words around it, in rows of `pitch`
/// words.
#[inline(always)]
pub(super) fn spread(words: &mut [u64], at: usize, pitch: usize, fresh: u64) {
    const ACROSS: usize = COLUMN_BITS * COLUMNS;
    words[at - 1] |= (fresh & LEFT) << ACROSS;
    words[at + 1] |= (fresh & RIGHT) >> ACROSS;
    let up = (fresh & TOP) << ROWS;
    if up != 0 {
        words[at - pitch] |= up;
        words[at - pitch - 1] |= (fresh & TOP & LEFT) << (ACROSS + ROWS);
        words[at - pitch + 1] |= (fresh & TOP & RIGHT) >> (ACROSS - ROWS);
    }
    let down = (fresh & BOTTOM) >> ROWS;
    if down != 0 {
        words[at + pitch] |= down;
        words[at + pitch - 1] |= (fresh & BOTTOM & LEFT) << (ACROSS - ROWS);
        words[at + pitch + 1] |= (fresh & BOTTOM & RIGHT) >> (ACROSS + ROWS);
    }
}
