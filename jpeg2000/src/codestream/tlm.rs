//! TLM marker segments, which list the lengths of all tile-parts (A.7.1).

use super::marker::MarkerSegment;
use crate::error::Flaw;
use crate::read::Fields;

/// A tile-part as TLM lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedPart {
    /// `None` where each tile has one part and the tiles come in order.
    pub(crate) tile: Option<u16>,
    /// Bytes of the tile-part.
    pub(crate) length: u32,
}

/// One TLM marker segment.
pub(super) struct TilePartLengths {
    offset: u64,
    index: u8,
    parts: Vec<ListedPart>,
}

impl TilePartLengths {
    pub(super) fn read(segment: &MarkerSegment) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("TLM: {detail}"));
        let fields = Fields(&segment.content);
        let (Some(index), Some(sizes)) = (fields.u8(0), fields.u8(1)) else {
            return Err(wrong("too short"));
        };
        let tile_bytes = match (sizes >> 4) & 3 {
            3 => return Err(wrong("tile indices of an unknown size")),
            bytes => usize::from(bytes),
        };
        let length_bytes = if sizes & 0x40 == 0 { 2 } else { 4 };
        let list = fields.from(2).unwrap_or_default();
        let entries = list.chunks_exact(tile_bytes + length_bytes);
        if !entries.remainder().is_empty() {
            return Err(wrong("its last entry is cut off"));
        }
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u32, |number, &byte| number << 8 | u32::from(byte))
        };
        let part = |entry: &[u8]| {
            let (tile, length) = entry.split_at(tile_bytes);
            let tile = (tile_bytes > 0).then(|| u16::try_from(number(tile)).unwrap_or(u16::MAX));
            ListedPart {
                tile,
                length: number(length),
            }
        };
        Ok(Self {
            offset: segment.offset,
            index,
            parts: entries.map(part).collect(),
        })
    }

    /// The lists of all segments, joined in the order of their indices.
    pub(super) fn joined(mut all: Vec<Self>) -> Result<Vec<ListedPart>, Flaw> {
        all.sort_by_key(|segment| segment.index);
        let repeated = all
            .windows(2)
            .find(|pair| matches!(pair, [one, next] if one.index == next.index));
        if let Some([_, second]) = repeated {
            let detail = format!("there are two TLM segments {}", second.index);
            return Err(Flaw::malformed(second.offset, detail));
        }
        Ok(all.into_iter().flat_map(|segment| segment.parts).collect())
    }
}
