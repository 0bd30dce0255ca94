//! The MQ encoder and decoder as the flow charts of Annex C have them.

use super::block::Coder;
use crate::tier1::mq::TABLE_C2;

/// The state of a context.
#[derive(Clone, Copy, Default)]
struct State {
    index: usize,
    mps: bool,
}

/// The states of all contexts before the first pass (table D.7).
fn initial() -> [State; 19] {
    let mut states = [State::default(); 19];
    states[0].index = 4;
    states[17].index = 3;
    states[18].index = 46;
    states
}

impl State {
    fn qe(self) -> u32 {
        u32::from(TABLE_C2[self.index].0)
    }

    fn after_mps(&mut self) {
        self.index = usize::from(TABLE_C2[self.index].1);
    }

    fn after_lps(&mut self) {
        let (_, _, nlps, switch) = TABLE_C2[self.index];
        self.mps ^= switch == 1;
        self.index = usize::from(nlps);
    }
}

/// The encoder, with the registers of C.2.
pub(super) struct MqEncoder {
    states: [State; 19],
    a: u32,
    c: u32,
    ct: u32,
    /// `B` and all bytes before it. The first entry stands for the byte before the segment.
    bytes: Vec<u8>,
}

impl MqEncoder {
    /// INITENC.
    pub(super) fn new() -> Self {
        Self {
            states: initial(),
            a: 0x8000,
            c: 0,
            ct: 12,
            bytes: vec![0],
        }
    }

    /// RENORME.
    fn renormalise(&mut self) {
        loop {
            self.a <<= 1;
            self.c <<= 1;
            self.ct -= 1;
            if self.ct == 0 {
                self.byte_out();
            }
            if self.a & 0x8000 != 0 {
                return;
            }
        }
    }

    /// BYTEOUT.
    fn byte_out(&mut self) {
        let last = self.bytes.last_mut().unwrap();
        if *last != 0xFF && self.c >= 0x800_0000 {
            *last += 1;
            if *last == 0xFF {
                self.c &= 0x7FF_FFFF;
            }
        }
        let stuffed = *last == 0xFF;
        let (shift, width) = if stuffed { (20, 7) } else { (19, 8) };
        self.bytes
            .push(u8::try_from(self.c >> shift & 0xFF).unwrap());
        self.c &= (1 << shift) - 1;
        self.ct = width;
    }

    /// FLUSH. Returns the segment.
    pub(super) fn flush(mut self) -> Vec<u8> {
        // SETBITS
        let limit = self.c + self.a;
        self.c |= 0xFFFF;
        if self.c >= limit {
            self.c -= 0x8000;
        }
        for _ in 0..2 {
            self.c <<= self.ct;
            self.byte_out();
        }
        if self.bytes.last() == Some(&0xFF) {
            self.bytes.pop();
        }
        self.bytes.split_off(1)
    }
}

impl Coder for MqEncoder {
    fn code(&mut self, context: usize, decision: bool) -> bool {
        let mut state = self.states[context];
        let qe = state.qe();
        self.a -= qe;
        if decision == state.mps {
            // CODEMPS
            if self.a & 0x8000 == 0 {
                if self.a < qe {
                    self.a = qe;
                } else {
                    self.c += qe;
                }
                state.after_mps();
                self.states[context] = state;
                self.renormalise();
            } else {
                self.c += qe;
            }
        } else {
            // CODELPS
            if self.a < qe {
                self.c += qe;
            } else {
                self.a = qe;
            }
            state.after_lps();
            self.states[context] = state;
            self.renormalise();
        }
        decision
    }
}

/// The decoder, with the registers of C.3. It handles stuffed bits as it reads bytes.
pub(super) struct ReferenceMqDecoder {
    states: [State; 19],
    a: u32,
    c: u32,
    ct: u32,
    bytes: Vec<u8>,
    at: usize,
}

impl ReferenceMqDecoder {
    /// INITDEC.
    pub(super) fn new(segment: &[u8]) -> Self {
        let mut bytes = segment.to_vec();
        bytes.extend([0xFF, 0xFF]);
        let mut decoder = Self {
            states: initial(),
            a: 0x8000,
            c: u32::from(bytes[0]) << 16,
            ct: 0,
            bytes,
            at: 0,
        };
        decoder.byte_in();
        decoder.c <<= 7;
        decoder.ct -= 7;
        decoder
    }

    /// BYTEIN.
    fn byte_in(&mut self) {
        let next = u32::from(self.bytes[self.at + 1]);
        if self.bytes[self.at] == 0xFF {
            if next > 0x8F {
                self.c += 0xFF00;
                self.ct = 8;
            } else {
                self.at += 1;
                self.c += next << 9;
                self.ct = 7;
            }
        } else {
            self.at += 1;
            self.c += next << 8;
            self.ct = 8;
        }
    }
}

impl Coder for ReferenceMqDecoder {
    fn code(&mut self, context: usize, _: bool) -> bool {
        let mut state = self.states[context];
        let qe = state.qe();
        self.a -= qe;
        let mut decision = state.mps;
        if self.c >> 16 < qe {
            // LPS_EXCHANGE
            if self.a < qe {
                state.after_mps();
            } else {
                decision = !decision;
                state.after_lps();
            }
            self.a = qe;
        } else {
            self.c -= qe << 16;
            if self.a & 0x8000 != 0 {
                return decision;
            }
            // MPS_EXCHANGE
            if self.a < qe {
                decision = !decision;
                state.after_lps();
            } else {
                state.after_mps();
            }
        }
        self.states[context] = state;
        // RENORMD
        while self.a & 0x8000 == 0 {
            if self.ct == 0 {
                self.byte_in();
            }
            self.a <<= 1;
            self.c <<= 1;
            self.ct -= 1;
        }
        decision
    }
}
