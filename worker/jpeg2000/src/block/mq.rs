//! The MQ arithmetic decoder (ISO/IEC 15444-1 C.3), without branches on the data.
//!
//! Which symbol comes next is close to random, so every branch on it costs a misprediction. Here a decision is
//! computed with selects: the interval, the exchange, the renormalisation by a count of leading zeros, and the next
//! state, of which both candidates are fetched while the decision is still under way.

use std::hint::select_unpredictable;

/// Contexts that a code block uses, rounded up so that an index needs no check (Table D.1 to D.7: 19).
pub(super) const CONTEXTS: usize = 32;

/// The bits of a state word that hold `Qe`, aligned with the upper end of the registers.
const QE: u64 = 0xFFFF << 48;

/// Where a state word holds the index of the state after a less probable symbol.
const NLPS_SHIFT: u32 = 8;

/// Where a state word holds the more probable symbol.
const MPS_SHIFT: u32 = 16;

/// Table C.2: `Qe`, `NMPS`, `NLPS`, `SWITCH`.
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

/// One word for each state and more probable symbol, at `2 * I + MPS`.
static STATES: [u64; 128] = states();

const fn states() -> [u64; 128] {
    let mut states = [0; 128];
    let mut index = 0;
    while index < TABLE_C2.len() {
        let (qe, nmps, nlps, switch) = TABLE_C2[index];
        let mut mps = 0;
        while mps < 2 {
            let after_mps = 2 * nmps as usize + mps;
            let after_lps = 2 * nlps as usize + (mps ^ switch as usize);
            let links = mps << MPS_SHIFT | after_lps << NLPS_SHIFT | after_mps;
            states[2 * index + mps] = (qe as u64) << 48 | links as u64;
            mps += 1;
        }
        index += 1;
    }
    states
}

/// The states of all contexts: `I(CX)` and `MPS(CX)` as one word each.
pub(super) type Contexts = [u64; CONTEXTS];

/// A context's state word at index `state` of Table C.2, with 0 as the more probable symbol.
pub(super) fn initial(state: usize) -> u64 {
    STATES[2 * state]
}

/// The decoder's registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct MqDecoder<'a> {
    /// The interval `A`, in the upper 16 bits.
    interval: u64,
    /// The code register: `Chigh` in the upper 16 bits, and below it bits of the string that await their turn.
    code: u64,
    /// How many such bits there are; at least 15, the longest renormalisation.
    ahead: u32,
    /// The byte of the string that comes next into the code register.
    next: usize,
    bits: &'a [u8],
}

impl<'a> MqDecoder<'a> {
    /// INITDEC (C.3.5), on a string without stuffed bits.
    pub(super) fn new(bits: &'a [u8]) -> Self {
        // `Chigh` starts with 15 bits: the standard's first byte, second byte and shift by 7.
        let first = u64::from(word_at(bits, 0));
        let mut decoder = Self { interval: 0x8000 << 48, code: first << 31, ahead: 17, next: 4, bits };
        decoder.refill();
        decoder
    }

    /// Bits of the string that were taken into `Chigh`, counting the ones assumed beyond its end.
    pub(super) fn consumed(&self) -> usize {
        self.next * 8 - self.ahead as usize
    }

    /// DECODE (C.3.2): the decision, 0 or 1, in a context of the given state; and the context's next state.
    #[inline(always)]
    pub(super) fn decode(&mut self, state: u64) -> (u64, u64) {
        let after_mps = STATES[(state & 0x7F) as usize];
        let after_lps = STATES[(state >> NLPS_SHIFT & 0x7F) as usize];
        let qe = state & QE;
        // The lower sub-interval has size Qe, the upper one what is left of A.
        let upper = self.interval.wrapping_sub(qe);
        let lower = self.code < qe;
        // MPS_EXCHANGE and LPS_EXCHANGE (C.3.2): the smaller sub-interval is the less probable symbol's.
        let exchange = upper < qe;
        let lps = lower != exchange;
        let interval = select_unpredictable(lower, qe, upper);
        let code = select_unpredictable(lower, self.code, self.code.wrapping_sub(qe));
        // RENORMD (C.3.3). Without a shift the state stays.
        let shift = interval.leading_zeros() & 63;
        let kept = select_unpredictable(shift != 0, after_mps, state);
        let next = select_unpredictable(lps, after_lps, kept);
        self.interval = interval << shift;
        self.code = code << shift;
        self.ahead = self.ahead.wrapping_sub(shift);
        if self.ahead < 15 {
            self.refill();
        }
        (state >> MPS_SHIFT & 1 ^ u64::from(lps), next)
    }

    /// Puts 32 more bits below those in the code register.
    #[inline(always)]
    fn refill(&mut self) {
        if self.ahead < 16 {
            self.code |= u64::from(word_at(self.bits, self.next)) << (16 - self.ahead);
            self.next += 4;
            self.ahead += 32;
        }
    }
}

/// Four bytes of the string; ones beyond its end.
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
