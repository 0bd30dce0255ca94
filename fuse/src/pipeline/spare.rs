//! Buffers of samples that are not in use.

/// A buffer may be larger than its samples by one of so many parts of them.
pub(crate) const SLACK: u64 = 8;

/// Buffers that wait for their next use. Samples of a chunk come and go; memory that is kept need
/// not be asked for, and cleared, each time.
#[derive(Default)]
pub(crate) struct Spare {
    buffers: Vec<Vec<u16>>,
    bytes: u64,
}

impl Spare {
    /// Whether a buffer has room for so many samples, and for an eighth more at most.
    pub(crate) fn fits(buffer: &Vec<u16>, samples: u64) -> bool {
        let most = samples.saturating_add(samples / SLACK);
        (samples..=most).contains(&(buffer.capacity() as u64))
    }

    /// A buffer that [`fits`](Self::fits). Its contents are unspecified. Empty if there is none.
    pub(crate) fn take(&mut self, samples: u64) -> Vec<u16> {
        let fits = |buffer: &Vec<u16>| Self::fits(buffer, samples);
        let Some(at) = self.buffers.iter().rposition(fits) else {
            return Vec::new();
        };
        let buffer = self.buffers.remove(at);
        self.bytes = self.bytes.saturating_sub(bytes(&buffer));
        buffer
    }

    /// Keeps a buffer.
    pub(crate) fn give(&mut self, buffer: Vec<u16>) {
        if buffer.capacity() > 0 {
            self.bytes = self.bytes.saturating_add(bytes(&buffer));
            self.buffers.push(buffer);
        }
    }

    /// Gives up buffers until they have at most so many bytes, those first that wait longest.
    pub(crate) fn shrink(&mut self, most: u64) -> Vec<Vec<u16>> {
        let mut given_up = 0;
        for buffer in &self.buffers {
            if self.bytes <= most {
                break;
            }
            self.bytes = self.bytes.saturating_sub(bytes(buffer));
            given_up += 1;
        }
        self.buffers.drain(..given_up).collect()
    }
}

fn bytes(buffer: &Vec<u16>) -> u64 {
    (buffer.capacity() as u64).saturating_mul(size_of::<u16>() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_where_it_fits() {
        let mut spare = Spare::default();
        for capacity in [100, 1000] {
            spare.give(Vec::with_capacity(capacity));
        }
        assert_eq!(spare.take(200).capacity(), 0);
        assert_eq!(spare.take(95).capacity(), 100);
        assert_eq!(spare.take(95).capacity(), 0);
        assert_eq!(spare.take(1000).capacity(), 1000);
        assert_eq!(spare.bytes, 0);
    }

    #[test]
    fn the_oldest_buffers_are_given_up_first() {
        let mut spare = Spare::default();
        for capacity in [100, 200, 300] {
            spare.give(Vec::with_capacity(capacity));
        }
        assert_eq!(spare.shrink(1200).len(), 0);
        assert_eq!(spare.shrink(1000).len(), 1);
        assert_eq!(spare.bytes, 1000);
        assert_eq!(spare.take(200).capacity(), 200);
    }
}
