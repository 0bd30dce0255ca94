//! The SOT marker segment, which begins a tile-part (A.4.2).

use super::marker::SOT;
use crate::error::Flaw;
use crate::read::Fields;

/// Bytes of an SOT marker segment, its marker included.
pub(crate) const SOT_LENGTH: u64 = 12;

/// The content of an SOT marker segment.
pub(crate) struct TilePartStart {
    pub(crate) tile: u16,
    /// Bytes from the SOT marker to the end of the tile-part; 0 for "up to EOC".
    pub(crate) length: u32,
    pub(crate) number: u8,
    /// How many parts the tile has; 0 for "not said here".
    pub(crate) announced: u8,
}

impl TilePartStart {
    /// Reads the segment from its 12 bytes, which lie at `offset` in the file.
    pub(crate) fn read(bytes: &[u8], offset: u64) -> Result<Self, Flaw> {
        let fields = Fields(bytes);
        let read = || {
            let whole = fields.u16(0)? == SOT && fields.u16(2)? == 10;
            whole.then_some(Self {
                tile: fields.u16(4)?,
                length: fields.u32(6)?,
                number: fields.u8(10)?,
                announced: fields.u8(11)?,
            })
        };
        read().ok_or_else(|| Flaw::malformed(offset, "SOT does not have 8 bytes of content"))
    }
}
