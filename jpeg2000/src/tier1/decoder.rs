//! The decoder of code blocks.

use super::codeblock::Lattice;
use super::kernel;
use super::mq::MqDecoder;
use super::segment::Segment;

/// Bit-planes beyond which a coefficient with its sign and half a step does not fit 32 bits.
///
/// OpenJPEG draws the line at the same place.
pub(crate) const MOST_BIT_PLANES: u32 = 30;

/// Samples in the largest code block (ISO/IEC 15444-1 Table A.18: `xcb + ycb <= 12`).
const MOST_SAMPLES: usize = 4096;

/// Samples along the longer side of a code block (Table A.18: exponents up to 10).
const LONGEST_SIDE: usize = 1024;

/// A sub-band's orientation, which selects the significance contexts (ISO/IEC 15444-1 Table D.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subband {
    /// Low-pass both ways.
    Ll,
    /// High-pass horizontally.
    Hl,
    /// High-pass vertically.
    Lh,
    /// High-pass both ways.
    Hh,
}

/// One code block as the packets carried it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodedBlock<'a> {
    /// Columns, 1 to 1024.
    pub(crate) width: usize,
    /// Rows, 1 to 1024; at most 4096 samples in all.
    pub(crate) height: usize,
    /// The sub-band the block belongs to.
    pub(crate) subband: Subband,
    /// The pieces of its one codeword segment, in the order of the packets that carried them.
    pub(crate) pieces: &'a [&'a [u8]],
    /// Coding passes included; the first is a cleanup pass.
    pub(crate) passes: u32,
    /// Coded bit-planes: `Mb` less the missing most significant ones.
    pub(crate) bit_planes: u32,
}

/// Why a code block cannot be decoded, or cannot be what an encoder wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BlockFlaw {
    /// The block is empty or larger than the standard allows.
    #[error(
        "a code block of {width}x{height} samples is outside the standard's 1x1 to 4096 samples; the headers are damaged"
    )]
    Size {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The output is smaller than the block.
    #[error(
        "a code block of {width}x{height} samples does not fit {len} coefficients in rows of {stride}"
    )]
    Output {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Coefficients the output holds.
        len: usize,
        /// Coefficients between two rows of the output.
        stride: usize,
    },
    /// More bit-planes than 32-bit coefficients can hold.
    #[error(
        "a code block of {bit_planes} bit-planes exceeds the {MOST_BIT_PLANES} that 32-bit coefficients hold"
    )]
    BitPlanes {
        /// Bit-planes claimed.
        bit_planes: u32,
    },
    /// More passes than the bit-planes have.
    #[error(
        "{passes} coding passes exceed the {most} of {bit_planes} bit-planes; the packet header is damaged"
    )]
    Passes {
        /// Passes claimed.
        passes: u32,
        /// Bit-planes.
        bit_planes: u32,
        /// Passes those bit-planes have.
        most: u32,
    },
    /// A codeword segment no encoder would write for so few samples.
    #[error(
        "a codeword segment of {bytes} bytes exceeds the {most} that a code block can need; the packet header is damaged"
    )]
    Length {
        /// Bytes in the segment.
        bytes: usize,
        /// Bytes allowed.
        most: usize,
    },
    /// A marker, or a carry out of the first byte, in the codeword segment.
    #[error(
        "the codeword segment of {bytes} bytes breaks the bit stuffing at byte {at}; its data is damaged"
    )]
    Stuffing {
        /// Bytes in the segment.
        bytes: usize,
        /// Offset of the offending byte.
        at: usize,
    },
    /// The arithmetic decoder needed more bits than the segment has.
    #[error(
        "{passes} coding passes need {needed} bits of a codeword segment of {available}; its data is damaged"
    )]
    Overrun {
        /// Passes decoded.
        passes: u32,
        /// Bits without which the passes would decode to something else.
        needed: usize,
        /// Bits in the segment, without the stuffed ones.
        available: usize,
    },
    /// The arithmetic decoder left bits of the segment unread.
    #[error(
        "{passes} coding passes took only {consumed} bits of a codeword segment of {available}; its data is damaged"
    )]
    Underrun {
        /// Passes decoded.
        passes: u32,
        /// Bits the decoder took in.
        consumed: usize,
        /// Bits in the segment, without the stuffed ones.
        available: usize,
    },
}

/// How far a segment's length may be from what its passes took in.
///
/// The encoder's FLUSH (ISO/IEC 15444-1 C.2.9) leaves the decoder between 1 bit before and 18 bits
/// beyond the end of the segment. Encoders that cut off what a decoder's ones replace leave it
/// further beyond.
struct Tolerance {
    /// Bits that may be left unread.
    unread: usize,
    /// Bits that may be needed (see [`MqDecoder::needed`]) beyond the end, if there is a limit.
    missing: Option<usize>,
}

/// For segments of all passes.
///
/// Measured: at least 4 bits beyond the end (OpenJPEG) and 8 (ESA's files), so a whole surplus byte
/// is still sound. Bits are missing only if by chance they are ones, each with half the probability
/// of the one before: at most 33 in 415,000 blocks of ESA's.
const COMPLETE: Tolerance = Tolerance {
    unread: 12,
    missing: Some(64),
};

/// For segments of which passes were dropped.
///
/// The encoder has not ended the segment there, but estimated where it may be cut: some leave
/// surplus bytes, and OpenJPEG leaves ones to the decoder without a limit (1,111 bits were seen at
/// a compression of 33 to 1).
const CUT: Tolerance = Tolerance {
    unread: 40,
    missing: None,
};

/// Decodes code blocks; holds the scratch that blocks share, so that decoding allocates only until
/// it has seen the largest block. One per thread.
#[derive(Debug)]
pub(crate) struct BlockDecoder {
    segment: Segment,
    lattice: Lattice,
    kernel: kernel::Kernel,
}

impl BlockDecoder {
    /// A decoder for this processor.
    pub(crate) fn new() -> Self {
        Self {
            segment: Segment::default(),
            lattice: Lattice::default(),
            kernel: kernel::Kernel::detect(),
        }
    }

    /// A decoder that uses only what every processor of the target has.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn portable() -> Self {
        Self {
            kernel: kernel::Kernel::portable(),
            ..Self::new()
        }
    }

    /// Decodes `block` into `out`, row by row at `stride`.
    ///
    /// Coefficients of which low bit-planes are missing are set to the middle of what is known of
    /// them, as OpenJPEG does for the reversible wavelet (ISO/IEC 15444-1 E.1.1.2 with r = 1/2).
    ///
    /// # Errors
    ///
    /// [`BlockFlaw`] when the headers contradict the standard, or when the data cannot be what an
    /// encoder wrote. The output is then unspecified.
    pub(crate) fn decode(
        &mut self,
        block: &CodedBlock<'_>,
        out: &mut [i32],
        stride: usize,
    ) -> Result<(), BlockFlaw> {
        check(block, out.len(), stride)?;
        self.segment.load(block.pieces)?;
        self.lattice.start(block);
        let mut mq = MqDecoder::new(self.segment.bits());
        for pass in 0..block.passes {
            self.kernel.pass(&mut self.lattice, &mut mq, pass);
        }
        self.check_consumption(block, mq.consumed())?;
        self.lattice.settle(block.passes);
        self.kernel.write(&self.lattice, out, stride);
        Ok(())
    }

    /// Holds the `consumed` bits against those there are.
    fn check_consumption(
        &mut self,
        block: &CodedBlock<'_>,
        consumed: usize,
    ) -> Result<(), BlockFlaw> {
        let &CodedBlock {
            passes, bit_planes, ..
        } = block;
        let available = self.segment.len_bits();
        let tolerance = if passes == most_passes(bit_planes) {
            COMPLETE
        } else {
            CUT
        };
        if consumed + tolerance.unread < available {
            return Err(BlockFlaw::Underrun {
                passes,
                consumed,
                available,
            });
        }
        let Some(missing) = tolerance.missing else {
            return Ok(());
        };
        if consumed <= available + missing {
            return Ok(());
        }
        // Rare: long runs of the more probable symbol take in bits without needing them. Decode
        // again and see.
        self.lattice.start(block);
        let mut mq = MqDecoder::<true>::new(self.segment.bits());
        for pass in 0..passes {
            kernel::traced_pass(&mut self.lattice, &mut mq, pass);
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

/// Passes of that many bit-planes: one for the first, three for each further one (D.3).
fn most_passes(bit_planes: u32) -> u32 {
    (3 * bit_planes).saturating_sub(2)
}

fn check(block: &CodedBlock<'_>, len: usize, stride: usize) -> Result<(), BlockFlaw> {
    let &CodedBlock {
        width,
        height,
        passes,
        bit_planes,
        ..
    } = block;
    let sides = 1..=LONGEST_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) || width * height > MOST_SAMPLES {
        return Err(BlockFlaw::Size { width, height });
    }
    let needed = (height - 1)
        .checked_mul(stride)
        .and_then(|rows| rows.checked_add(width));
    if stride < width || needed.is_none_or(|needed| needed > len) {
        return Err(BlockFlaw::Output {
            width,
            height,
            len,
            stride,
        });
    }
    if bit_planes > MOST_BIT_PLANES {
        return Err(BlockFlaw::BitPlanes { bit_planes });
    }
    let most = most_passes(bit_planes);
    if passes > most {
        return Err(BlockFlaw::Passes {
            passes,
            bit_planes,
            most,
        });
    }
    Ok(())
}
