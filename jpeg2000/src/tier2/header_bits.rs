//! The bits of a packet header (B.10.1).

/// Why no more bits can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BitsFlaw {
    /// The bytes end.
    Cut,
    /// After a byte 0xff, the first bit is not the 0 that writers stuff in.
    NotStuffed,
}

/// Reads bits, the most significant of each byte first, without the stuffed ones.
pub(super) struct HeaderBits<'a> {
    bytes: &'a [u8],
    /// Position of the next byte.
    at: usize,
    current: u8,
    /// Unread bits of `current`.
    left: u8,
}

impl<'a> HeaderBits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            current: 0,
            left: 0,
        }
    }

    fn fetch(&mut self) -> Result<(), BitsFlaw> {
        let stuffed = self.current == 0xff;
        self.current = *self.bytes.get(self.at).ok_or(BitsFlaw::Cut)?;
        self.at += 1;
        self.left = 8;
        if stuffed {
            if self.current & 0x80 != 0 {
                return Err(BitsFlaw::NotStuffed);
            }
            self.left = 7;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn bit(&mut self) -> Result<bool, BitsFlaw> {
        if self.left == 0 {
            self.fetch()?;
        }
        self.left -= 1;
        Ok(self.current >> self.left & 1 != 0)
    }

    /// Reads a number of up to 32 bits.
    #[inline]
    pub(super) fn number(&mut self, bits: u32) -> Result<u32, BitsFlaw> {
        let mut number = 0;
        for _ in 0..bits {
            number = number << 1 | u32::from(self.bit()?);
        }
        Ok(number)
    }

    /// Returns where the header ends. It is padded to whole bytes, and its last byte is not 0xff.
    pub(super) fn finish(mut self) -> Result<usize, BitsFlaw> {
        if self.current == 0xff {
            self.fetch()?;
        }
        Ok(self.at)
    }

    /// Reads how many coding passes a packet adds to a code block, 1 to 164 (table B.4).
    pub(super) fn passes(&mut self) -> Result<u32, BitsFlaw> {
        if !self.bit()? {
            return Ok(1);
        }
        if !self.bit()? {
            return Ok(2);
        }
        for (bits, first) in [(2, 3), (5, 6)] {
            let more = self.number(bits)?;
            if more != (1 << bits) - 1 {
                return Ok(first + more);
            }
        }
        Ok(37 + self.number(7)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_stuffed_after_ff_is_dropped() {
        let mut bits = HeaderBits::new(&[0xff, 0x40, 0x00], 0);
        assert_eq!(bits.number(9), Ok(0x1ff));
        assert_eq!(bits.finish(), Ok(2));
    }

    #[test]
    fn ff_at_the_end_is_followed_by_a_stuffed_byte() {
        let mut bits = HeaderBits::new(&[0xff, 0x00], 0);
        assert_eq!(bits.number(8), Ok(0xff));
        assert_eq!(bits.finish(), Ok(2));
        let mut bits = HeaderBits::new(&[0xff], 0);
        assert_eq!(bits.number(8), Ok(0xff));
        assert_eq!(bits.finish(), Err(BitsFlaw::Cut));
    }

    #[test]
    fn a_marker_in_a_packet_header_is_noticed() {
        let mut bits = HeaderBits::new(&[0xff, 0x91], 0);
        assert_eq!(bits.number(9), Err(BitsFlaw::NotStuffed));
    }

    #[test]
    fn every_number_of_passes_has_its_codeword() {
        for (first_byte, passes) in [
            (0, 1),
            (0b1000_0000, 2),
            (0b1100_0000, 3),
            (0b1110_0000, 5),
            (0b1111_0000, 6),
            (0b1111_0111, 20),
        ] {
            assert_eq!(
                HeaderBits::new(&[first_byte, 0], 0).passes(),
                Ok(passes),
                "{first_byte:08b}"
            );
        }
        // 1111 11111 0000000 with the stuffed bit after the first byte.
        assert_eq!(HeaderBits::new(&[0xff, 0b0100_0000, 0], 0).passes(), Ok(37));
    }
}
