//! The MQ arithmetic decoder, without branches on decoded data (C.3).
//!
//! The next symbol is close to random, so every branch on it costs a misprediction. This decoder
//! computes a decision with selects instead: the interval, the exchange, the renormalisation (by a
//! count of leading zeros), and the next state. It fetches both candidates for the next state
//! before the decision is known.

use std::hint::select_unpredictable;

/// Contexts of a code block: the 19 of tables D.1 to D.5, and room for any index of 8 bits.
pub(super) const CONTEXTS: usize = 256;

/// The state of a context, in one word: `I(CX)`, `MPS(CX)`, and what follows from them.
///
/// The upper 16 bits hold `Qe`, aligned with the registers. Below is the decision that led to this
/// state, so that one select yields both. The lower 32 bits hold where the state's row begins in
/// [`ROWS`]; reading them takes no instruction.
pub(super) type State = u64;

/// The states of all contexts.
pub(super) type Contexts = [State; CONTEXTS];

/// The bits of a state that hold `Qe`.
const QE: u64 = 0xFFFF << 48;

/// The bit of a state that holds the decision that led to it.
const DECISION_SHIFT: u32 = 32;

/// States in a row of [`ROWS`]. A power of two, so that an index is one shift of `2 * I + MPS`.
const ROW: usize = 4;

/// `Qe`, `NMPS`, `NLPS` and `SWITCH` by index (table C.2).
#[rustfmt::skip]
pub(super) const TABLE_C2: [(u16, u8, u8, u8); 47] = [
    (0x5601, 1, 1, 1), (0x3401, 2, 6, 0), (0x1801, 3, 9, 0), (0x0AC1, 4, 12, 0), (0x0521, 5, 29, 0),
    (0x0221, 38, 33, 0), (0x5601, 7, 6, 1), (0x5401, 8, 14, 0), (0x4801, 9, 14, 0), (0x3801, 10, 14, 0),
    (0x3001, 11, 17, 0), (0x2401, 12, 18, 0), (0x1C01, 13, 20, 0), (0x1601, 29, 21, 0), (0x5601, 15, 14, 1),
    (0x5401, 16, 14, 0), (0x5101, 17, 15, 0), (0x4801, 18, 16, 0), (0x3801, 19, 17, 0), (0x3401, 20, 18, 0),
    (0x3001, 21, 19, 0), (0x2801, 22, 19, 0), (0x2401, 23, 20, 0), (0x2201, 24, 21, 0), (0x1C01, 25, 22, 0),
    (0x1801, 26, 23, 0), (0x1601, 27, 24, 0), (0x1401, 28, 25, 0), (0x1201, 29, 26, 0), (0x1101, 30, 27, 0),
    (0x0AC1, 31, 28, 0), (0x09C1, 32, 29, 0), (0x08A1, 33, 30, 0), (0x0521, 34, 31, 0), (0x0441, 35, 32, 0),
    (0x02A1, 36, 33, 0), (0x0221, 37, 34, 0), (0x0141, 38, 35, 0), (0x0111, 39, 36, 0), (0x0085, 40, 37, 0),
    (0x0049, 41, 38, 0), (0x0025, 42, 39, 0), (0x0015, 43, 40, 0), (0x0009, 44, 41, 0), (0x0005, 45, 42, 0),
    (0x0001, 45, 43, 0), (0x5601, 46, 46, 0),
];

/// The states that can follow a state: without renormalisation, after the more probable symbol, and
/// after the less probable symbol.
///
/// The row of a state begins at `ROW * (2 * I + MPS)`. The fourth entry of a row is unused.
static ROWS: [State; ROW * 2 * TABLE_C2.len()] = rows();

const fn rows() -> [State; ROW * 2 * TABLE_C2.len()] {
    let mut rows = [0; ROW * 2 * TABLE_C2.len()];
    let mut index = 0;
    while index < TABLE_C2.len() {
        let (_, nmps, nlps, switch) = TABLE_C2[index];
        let mut mps = 0;
        while mps < 2 {
            let row = row(index, mps);
            rows[row] = state(index, mps, mps);
            rows[row + 1] = state(nmps as usize, mps, mps);
            rows[row + 2] = state(nlps as usize, mps ^ switch as usize, 1 - mps);
            mps += 1;
        }
        index += 1;
    }
    rows
}

const fn row(index: usize, mps: usize) -> usize {
    ROW * (2 * index + mps)
}

const fn state(index: usize, mps: usize, decision: usize) -> State {
    (TABLE_C2[index].0 as u64) << 48 | (decision << DECISION_SHIFT | row(index, mps)) as u64
}

/// Handles a state whose row does not exist, which cannot happen. The function is cold, so that the
/// check costs only a predicted branch.
#[cold]
#[inline(never)]
fn no_such_row(state: State) -> State {
    debug_assert!(false, "an unknown state: {state:#x}");
    state
}

/// The state at `index` of table C.2, with 0 as the more probable symbol.
pub(super) const fn initial(index: usize) -> State {
    state(index, 0, 0)
}

/// The decision, 0 or 1, that led to a state.
#[inline(always)]
pub(super) fn decision(state: State) -> u64 {
    state >> DECISION_SHIFT & 1
}

/// The registers of the decoder.
///
/// With `TRACED` it also counts [`MqDecoder::needed`], which costs an instruction per decision.
#[derive(Debug, Clone, Copy)]
pub(super) struct MqDecoder<'a, const TRACED: bool = false> {
    /// The interval `A`, in the upper 16 bits.
    interval: u64,
    /// The code register: `Chigh` in the upper 16 bits, and below it the next bits of the string.
    code: u64,
    /// How many such next bits there are, beyond [`LONGEST_SHIFT`].
    ahead: u32,
    /// The next byte of the string to load into the code register.
    next: usize,
    bits: &'a [u8],
    needed: usize,
}

/// The longest renormalisation: from `Qe` = 1 to 0x8000.
const LONGEST_SHIFT: u32 = 15;

impl<'a, const TRACED: bool> MqDecoder<'a, TRACED> {
    /// Starts at the beginning of a string without stuffed bits (INITDEC, C.3.5).
    pub(super) fn new(bits: &'a [u8]) -> Self {
        // `Chigh` starts with 15 bits. The standard loads the first byte, the second byte, and
        // shifts by 7.
        let first = u64::from(word_at(bits, 0));
        Self {
            interval: 0x8000 << 48,
            code: first << 31,
            ahead: 17 - LONGEST_SHIFT,
            next: 4,
            bits,
            needed: 0,
        }
    }

    /// Bits of the string that went into `Chigh`, with the ones that follow its end.
    pub(super) fn consumed(&self) -> usize {
        self.next * 8 - (self.ahead + LONGEST_SHIFT) as usize
    }

    /// Bits of the string that were consumed when a decision last fell on the lower sub-interval.
    ///
    /// Only such a decision moves the upper end of the interval. A string that is cut anywhere
    /// later, and continues with ones, leads to the same decisions. So an encoder need not write
    /// more.
    pub(super) fn needed(&self) -> usize {
        self.needed
    }

    /// Decodes a decision in a context of the given state (DECODE, C.3.2). Returns the context's
    /// next state, which holds the [`decision`].
    #[inline(always)]
    pub(super) fn decode(&mut self, state: State) -> State {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the row is in the lower half"
        )]
        let row = ROWS
            .get(state as u32 as usize..)
            .and_then(|rest| rest.first_chunk::<3>());
        let Some(row) = row else {
            return no_such_row(state);
        };
        let (kept, after_mps, after_lps) = (row[0], row[1], row[2]);
        let qe = state & QE;
        // The lower sub-interval has size Qe, the upper one what is left of A.
        let upper = self.interval.wrapping_sub(qe);
        // LPS_EXCHANGE and MPS_EXCHANGE (C.3.2): the smaller sub-interval belongs to the less
        // probable symbol. All this does not depend on the code register.
        let exchange = upper < qe;
        let unless_shifted = select_unpredictable(upper >> 63 != 0, kept, after_mps);
        let if_lower = select_unpredictable(exchange, after_mps, after_lps);
        let if_upper = select_unpredictable(exchange, after_lps, unless_shifted);
        let (code_if_upper, lower) = self.code.overflowing_sub(qe);
        if TRACED && lower {
            self.needed = self.consumed();
        }
        let next = select_unpredictable(lower, if_lower, if_upper);
        let interval = select_unpredictable(lower, qe, upper);
        let code = select_unpredictable(lower, self.code, code_if_upper);
        // RENORMD (C.3.3).
        let shift = interval.leading_zeros();
        self.interval = interval.wrapping_shl(shift);
        self.code = code.wrapping_shl(shift);
        let (ahead, short) = self.ahead.overflowing_sub(shift);
        self.ahead = ahead;
        if short {
            self.refill();
        }
        next
    }

    /// Decodes `count` zeros at once in a context of the given state. It can only do so if zero is
    /// the more probable symbol and no renormalisation comes in between; the state then stays as it
    /// is. Returns whether it did.
    #[inline(always)]
    pub(super) fn skip_zeros(&mut self, state: State, count: u32) -> bool {
        const ONE: u32 = 48;
        let size = (state >> ONE) * u64::from(count);
        let likely_one = state & ROW as u64 != 0;
        if likely_one || self.interval >> ONE < 0x8000 + size || self.code >> ONE < size {
            return false;
        }
        self.interval -= size << ONE;
        self.code -= size << ONE;
        true
    }

    /// Loads 32 more bits below those in the code register.
    #[inline(always)]
    fn refill(&mut self) {
        // Here `ahead` is -15 to -1.
        let free = 16 - (self.ahead.wrapping_add(LONGEST_SHIFT) & 15);
        self.code |= u64::from(word_at(self.bits, self.next)) << free;
        self.next += 4;
        self.ahead = self.ahead.wrapping_add(32);
    }
}

/// Four bytes of the string, with ones beyond its end.
#[inline(always)]
fn word_at(bits: &[u8], at: usize) -> u32 {
    match bits.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        Some(&bytes) => u32::from_be_bytes(bytes),
        None => tail_at(bits, at),
    }
}

#[cold]
fn tail_at(bits: &[u8], at: usize) -> u32 {
    let mut word = [0xFF; 4];
    let rest = bits.get(at..).unwrap_or_default();
    word[..rest.len()].copy_from_slice(rest);
    u32::from_be_bytes(word)
}
