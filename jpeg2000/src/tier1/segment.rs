//! The codeword segment of a code block as a bit string without stuffed bits.
//!
//! After a byte 0xFF, the coder leaves the top bit of the next byte free for a carry (C.2.6
//! BYTEOUT, C.3.4 BYTEIN). This module removes these bits and adds the carries, once for the whole
//! segment. So the arithmetic decoder has no special cases.

use super::coded_block::BlockFlaw;

/// Most bytes of the segment of a code block: four times what 4096 samples of 31 bits take uncoded.
const MOST_BYTES: usize = 1 << 16;

/// The memory for one segment at a time.
#[derive(Debug, Default)]
pub(super) struct CodewordSegment {
    joined: Vec<u8>,
    bits: Vec<u8>,
    len_bits: usize,
}

impl CodewordSegment {
    /// Joins the pieces and removes the stuffed bits.
    pub(super) fn load(&mut self, pieces: &[&[u8]]) -> Result<(), BlockFlaw> {
        let bytes = pieces
            .iter()
            .fold(0, |sum: usize, piece| sum.saturating_add(piece.len()));
        if bytes > MOST_BYTES {
            return Err(BlockFlaw::Length {
                bytes,
                most: MOST_BYTES,
            });
        }
        if let &[only] = pieces {
            return self.unstuff(only);
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        for piece in pieces {
            joined.extend_from_slice(piece);
        }
        let result = self.unstuff(&joined);
        self.joined = joined;
        result
    }

    /// The bit string, most significant bit first, padded to whole bytes with ones. A decoder reads
    /// ones beyond its end (BYTEIN at a marker, C.3.4).
    pub(super) fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Bits of the string, without the padding.
    pub(super) fn len_bits(&self) -> usize {
        self.len_bits
    }

    /// Removes the stuffed bits of `bytes`: eight bytes at a time where none of them is 0xFF, and
    /// one byte at a time otherwise.
    fn unstuff(&mut self, bytes: &[u8]) -> Result<(), BlockFlaw> {
        self.bits.clear();
        self.bits.reserve(bytes.len() + 8);
        // The last `held` bits of the string, which are not yet in `bits`. There are always fewer
        // than 8 between two steps.
        let mut tail = 0_u64;
        let mut held = 0_u32;
        let mut at = 0;
        let mut after_ff = false;
        while at < bytes.len() {
            if !after_ff && let Some(&chunk) = bytes[at..].first_chunk::<8>() {
                let chunk = u64::from_be_bytes(chunk);
                if !has_ff(chunk) {
                    let joined = (u128::from(tail) << 64) | u128::from(chunk);
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "the upper bits stay in `tail`"
                    )]
                    self.bits
                        .extend_from_slice(&((joined >> held) as u64).to_be_bytes());
                    tail = chunk & ((1 << held) - 1);
                    at += 8;
                    continue;
                }
            }
            // The byte after 0xFF has 7 bits. Its top bit is a carry into the bits before it.
            let byte = bytes[at];
            let width = if after_ff { 7 } else { 8 };
            if after_ff && byte >= 0x80 && (byte > 0x8F || !self.carry(&mut tail, held)) {
                return Err(BlockFlaw::Stuffing {
                    bytes: bytes.len(),
                    at,
                });
            }
            tail = (tail << width) | u64::from(byte) & ((1 << width) - 1);
            held += width;
            if held >= 8 {
                held -= 8;
                #[expect(clippy::cast_possible_truncation, reason = "`held` was below 16")]
                self.bits.push((tail >> held) as u8);
                tail &= (1 << held) - 1;
            }
            after_ff = byte == 0xFF;
            at += 1;
        }
        // Pad the last byte with ones.
        self.len_bits = self.bits.len() * 8 + held as usize;
        if held > 0 {
            #[expect(clippy::cast_possible_truncation, reason = "`held` is below 8")]
            self.bits
                .push(((tail << (8 - held)) | (0xFF >> held)) as u8);
        }
        Ok(())
    }

    /// Adds one to the bit string. Returns false if it overflows.
    fn carry(&mut self, tail: &mut u64, held: u32) -> bool {
        *tail += 1;
        if *tail < 1 << held {
            return true;
        }
        *tail = 0;
        for byte in self.bits.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return true;
            }
        }
        false
    }
}

/// Whether one of the eight bytes is 0xFF.
fn has_ff(chunk: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // A byte of the complement is zero exactly where the chunk has 0xFF.
    let zeros = !chunk;
    zeros.wrapping_sub(LOW) & chunk & HIGH != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(pieces: &[&[u8]]) -> Result<(Vec<u8>, usize), BlockFlaw> {
        let mut segment = CodewordSegment::default();
        segment.load(pieces)?;
        Ok((segment.bits().to_vec(), segment.len_bits()))
    }

    fn digits(bytes: &[u8]) -> String {
        let digit = |byte: u8, bit: u32| if byte >> bit & 1 == 0 { '0' } else { '1' };
        bytes
            .iter()
            .flat_map(|&byte| (0..8).rev().map(move |bit| digit(byte, bit)))
            .collect()
    }

    #[test]
    fn the_bit_after_a_full_byte_is_taken_out() {
        // 0xFF, then seven bits 0b010_1010, then eight bits.
        assert_eq!(
            bits(&[&[0xFF, 0b010_1010, 0xC3]]),
            Ok((vec![0xFF, 0b0101_0101, 0b1000_0111], 23))
        );
        assert_eq!(
            bits(&[&[0xFF], &[0b010_1010], &[0xC3]]),
            bits(&[&[0xFF, 0b010_1010, 0xC3]])
        );
    }

    #[test]
    fn a_carry_runs_through_full_bytes() {
        assert_eq!(
            bits(&[&[0x12, 0xFF, 0x80]]),
            Ok((vec![0x13, 0x00, 0x01], 23))
        );
        assert_eq!(
            bits(&[&[0x12, 0xFF, 0x7F, 0xFF, 0x80]]),
            Ok((vec![0x13, 0, 0, 0, 0x03], 38))
        );
    }

    #[test]
    fn full_bytes_are_found_anywhere_among_others() {
        for at in 0..40 {
            let mut bytes: Vec<u8> = (0..40).map(|byte| byte * 6 + 1).collect();
            bytes[at] = 0xFF;
            if let Some(next) = bytes.get_mut(at + 1) {
                *next &= 0x7F;
            }
            let whole = digits(&bytes);
            let stuffed = 8 * (at + 1);
            let expected = whole
                .get(stuffed + 1..)
                .map_or(whole.clone(), |rest| whole[..stuffed].to_owned() + rest);
            let (found, len) = bits(&[&bytes]).unwrap();
            let found = digits(&found);
            assert_eq!(found[..len], expected, "at {at}");
            assert!(found[len..].bytes().all(|bit| bit == b'1'));
        }
    }

    #[test]
    fn markers_and_overflows_are_refused() {
        assert_eq!(
            bits(&[&[1, 0xFF, 0x90]]),
            Err(BlockFlaw::Stuffing { bytes: 3, at: 2 })
        );
        assert_eq!(
            bits(&[&[0xFF], &[0x8F]]),
            Err(BlockFlaw::Stuffing { bytes: 2, at: 1 })
        );
    }
}
