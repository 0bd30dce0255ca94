//! PLT marker segments, which list the lengths of the packets of a tile-part (A.7.3).

/// Collects the packet lengths of one tile-part from its PLT marker segments, in order.
#[derive(Default)]
pub(super) struct PacketLengths {
    next_index: u8,
    /// `None` before the first segment.
    lengths: Option<Vec<u32>>,
    /// A length whose last byte is still missing.
    unfinished: Option<u32>,
}

impl PacketLengths {
    /// Adds the content of the next segment. An error says what is wrong with it.
    pub(super) fn add(&mut self, content: &[u8]) -> Result<(), String> {
        let Some((&index, digits)) = content.split_first() else {
            return Err("PLT is empty".into());
        };
        // The index has 8 bits. After segment 255 it starts again at 0.
        if index != self.next_index {
            return Err(format!(
                "found PLT {index} instead of PLT {}",
                self.next_index
            ));
        }
        self.next_index = index.wrapping_add(1);
        let lengths = self.lengths.get_or_insert_default();
        for digit in digits {
            let high = self.unfinished.take().unwrap_or_default().checked_mul(128);
            let length =
                high.ok_or("a packet length in PLT has too many digits")? | u32::from(digit & 0x7f);
            if digit & 0x80 == 0 {
                lengths.push(length);
            } else {
                self.unfinished = Some(length);
            }
        }
        Ok(())
    }

    /// The packet lengths in bytes; `None` where the tile-part has no PLT.
    pub(super) fn finish(self) -> Result<Option<Vec<u32>>, String> {
        match self.unfinished {
            Some(_) => Err("the last packet length in PLT is cut off".into()),
            None => Ok(self.lengths),
        }
    }
}
