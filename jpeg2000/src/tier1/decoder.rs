//! Decoding a code block: all its passes, and whether they end where its bytes do.

use super::codeblock_state::CodeBlockState;
use super::coded_block::{BlockFlaw, CodedBlock};
use super::kernel::{self, Kernel};
use super::mq::MqDecoder;
use super::pass_order::pass_count;
use super::segment::CodewordSegment;

/// How far the end of a segment may be from where its passes end.
///
/// The encoder's FLUSH (C.2.9) leaves the decoder between 1 bit before and 18 bits beyond the end
/// of the segment. Some encoders cut off trailing bits that are ones, because a decoder puts ones
/// in their place. These leave it further beyond.
struct Tolerance {
    /// Most bits that may stay unread.
    unread: usize,
    /// Most bits beyond the end that may be needed (see [`MqDecoder::needed`]), if there is a
    /// limit.
    missing: Option<usize>,
}

/// For segments that have all passes.
///
/// Measured ends are at least 4 bits (OpenJPEG) and 8 bits (ESA) beyond that of the segment, so a
/// whole surplus byte is still sound. Bits are missing only if by chance they are ones. Each more
/// has half the probability of the one before: ESA's files miss at most 33 bits in 415,000 blocks.
const COMPLETE: Tolerance = Tolerance {
    unread: 12,
    missing: Some(64),
};

/// For segments whose last passes were truncated.
///
/// The encoder did not end the segment there, but estimated where it can be cut. Some encoders
/// leave surplus bytes. OpenJPEG leaves any number of ones to the decoder (measured: 1,111 bits at
/// a compression of 33 to 1).
const TRUNCATED: Tolerance = Tolerance {
    unread: 40,
    missing: None,
};

/// Decodes code blocks. It keeps its memory from one block to the next, so that it allocates only
/// until it has decoded the largest one. Each thread needs its own.
#[derive(Debug)]
pub(crate) struct BlockDecoder {
    segment: CodewordSegment,
    state: CodeBlockState,
    kernel: Kernel,
}

impl BlockDecoder {
    /// A decoder that uses the features of this processor.
    pub(crate) fn new() -> Self {
        Self {
            segment: CodewordSegment::default(),
            state: CodeBlockState::default(),
            kernel: Kernel::detect(),
        }
    }

    /// A decoder that uses only features that every processor of the target has.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn portable() -> Self {
        Self {
            kernel: Kernel::portable(),
            ..Self::new()
        }
    }

    /// Decodes `block` into `out`, row by row, `stride` coefficients apart.
    ///
    /// Where low bit-planes of a coefficient are missing, the result is the middle of its possible
    /// values. OpenJPEG does the same for the reversible wavelet (E.1.1.2 with r = 1/2).
    ///
    /// # Errors
    /// [`BlockFlaw`] where the headers contradict the standard, or where no encoder can have
    /// written the data. The output is then unspecified.
    pub(crate) fn decode(
        &mut self,
        block: &CodedBlock<'_>,
        out: &mut [i32],
        stride: usize,
    ) -> Result<(), BlockFlaw> {
        block.check(out.len(), stride)?;
        self.segment.load(block.pieces)?;
        self.state.start(block);
        let mut mq = MqDecoder::new(self.segment.bits());
        for pass in 0..block.passes {
            self.kernel.pass(&mut self.state, &mut mq, pass);
        }
        self.check_consumption(block, mq.consumed())?;
        self.state.add_half_step(block.passes);
        self.kernel.write(&self.state, out, stride);
        Ok(())
    }

    /// Compares the `consumed` bits with the length of the segment.
    fn check_consumption(
        &mut self,
        block: &CodedBlock<'_>,
        consumed: usize,
    ) -> Result<(), BlockFlaw> {
        let &CodedBlock {
            passes, bit_planes, ..
        } = block;
        let available = self.segment.len_bits();
        let tolerance = if passes == pass_count(bit_planes) {
            COMPLETE
        } else {
            TRUNCATED
        };
        if consumed + tolerance.unread < available {
            return Err(BlockFlaw::Underrun {
                passes,
                consumed,
                available,
            });
        }
        // Too many bits beyond the end are a flaw, if the passes needed them.
        let Some(missing) = tolerance.missing else {
            return Ok(());
        };
        if consumed <= available + missing {
            return Ok(());
        }
        // Rare: long runs of the more probable symbol read bits without needing them. Decode again,
        // traced, to count the needed bits.
        self.state.start(block);
        let mut mq = MqDecoder::<true>::new(self.segment.bits());
        for pass in 0..passes {
            kernel::traced_pass(&mut self.state, &mut mq, pass);
        }
        let needed = mq.needed();
        if needed > available + missing {
            return Err(BlockFlaw::Overrun {
                passes,
                needed,
                available,
            });
        }
        Ok(())
    }
}
