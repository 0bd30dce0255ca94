//! One code block as it comes from tier-2, and what can be wrong with it.

use super::pass_order::pass_count;

/// Most bit-planes of which a coefficient, with its sign and half a step, fits 32 bits. OpenJPEG
/// has the same limit.
pub(crate) const MOST_BIT_PLANES: u32 = 30;

/// Most samples of a code block (table A.18: `xcb + ycb <= 12`).
const MOST_SAMPLES: usize = 4096;

/// Samples along the longer side of a code block (table A.18: exponents up to 10).
const LONGEST_SIDE: usize = 1024;

/// The kind of a subband. It selects the significance contexts (table D.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subband {
    /// Low-pass in both directions.
    Ll,
    /// High-pass horizontally.
    Hl,
    /// High-pass vertically.
    Lh,
    /// High-pass in both directions.
    Hh,
}

/// One code block as the packets of a tile carry it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodedBlock<'a> {
    /// Columns of samples, 1 to 1024.
    pub(crate) width: usize,
    /// Rows of samples, 1 to 1024. The block has at most 4096 samples.
    pub(crate) height: usize,
    /// The kind of subband that the block belongs to.
    pub(crate) subband: Subband,
    /// The pieces of its one codeword segment, in the order of the packets that carry them.
    pub(crate) pieces: &'a [&'a [u8]],
    /// Coding passes in the segment. The first is a cleanup pass.
    pub(crate) passes: u32,
    /// Coded bit-planes: `Mb` less the missing most significant ones (E-2 and B.10.5).
    pub(crate) bit_planes: u32,
}

impl CodedBlock<'_> {
    /// Checks the sizes and counts against the standard, and that `len` coefficients in rows of
    /// `stride` hold the block.
    pub(super) fn check(&self, len: usize, stride: usize) -> Result<(), BlockFlaw> {
        let &CodedBlock {
            width,
            height,
            passes,
            bit_planes,
            ..
        } = self;
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
        let most = pass_count(bit_planes);
        if passes > most {
            return Err(BlockFlaw::Passes {
                passes,
                bit_planes,
                most,
            });
        }
        Ok(())
    }
}

/// Why a code block cannot be decoded, or why no encoder can have written it.
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
    /// The output has no room for the block.
    #[error(
        "a code block of {width}x{height} samples does not fit {len} coefficients in rows of {stride}"
    )]
    Output {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Coefficients in the output.
        len: usize,
        /// Coefficients between two rows of the output.
        stride: usize,
    },
    /// The block has more bit-planes than 32-bit coefficients can hold.
    #[error(
        "a code block of {bit_planes} bit-planes exceeds the {MOST_BIT_PLANES} that 32-bit coefficients hold"
    )]
    BitPlanes {
        /// Bit-planes of the block.
        bit_planes: u32,
    },
    /// The block has more passes than its bit-planes.
    #[error(
        "{passes} coding passes exceed the {most} of {bit_planes} bit-planes; the packet header is damaged"
    )]
    Passes {
        /// Passes of the block.
        passes: u32,
        /// Bit-planes of the block.
        bit_planes: u32,
        /// Passes of so many bit-planes.
        most: u32,
    },
    /// The codeword segment is longer than any encoder would write it.
    #[error(
        "a codeword segment of {bytes} bytes exceeds the {most} that a code block can need; the packet header is damaged"
    )]
    Length {
        /// Bytes in the segment.
        bytes: usize,
        /// Most bytes of a segment.
        most: usize,
    },
    /// The codeword segment holds a marker, or a carry out of its first byte.
    #[error(
        "the codeword segment of {bytes} bytes breaks the bit stuffing at byte {at}; its data is damaged"
    )]
    Stuffing {
        /// Bytes in the segment.
        bytes: usize,
        /// Offset of the offending byte.
        at: usize,
    },
    /// The arithmetic decoder needs more bits than the segment has.
    #[error(
        "{passes} coding passes need {needed} bits of a codeword segment of {available}; its data is damaged"
    )]
    Overrun {
        /// Passes decoded.
        passes: u32,
        /// Bits without which the passes would decode to other values.
        needed: usize,
        /// Bits in the segment, without the stuffed ones.
        available: usize,
    },
    /// The arithmetic decoder leaves bits of the segment unread.
    #[error(
        "{passes} coding passes read only {consumed} bits of a codeword segment of {available}; its data is damaged"
    )]
    Underrun {
        /// Passes decoded.
        passes: u32,
        /// Bits that the decoder read.
        consumed: usize,
        /// Bits in the segment, without the stuffed ones.
        available: usize,
    },
}
