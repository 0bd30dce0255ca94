//! The packets of one tile-part, and what PLT and SOP say about them.

use std::ops::Range;

use super::header_bits::BitsFlaw;
use crate::error::Flaw;

/// A tile-part without its header.
pub(crate) struct TilePart<'a> {
    /// Position of the first packet in the file.
    pub(crate) offset: u64,
    /// The bytes of all packets.
    pub(crate) packets: &'a [u8],
    /// Bytes of each packet, in order, from PLT marker segments.
    pub(crate) lengths: Option<Vec<u32>>,
}

/// A flaw at a position among the packets of a tile-part.
pub(super) struct PacketFlaw {
    at: usize,
    truncated: bool,
    detail: String,
}

impl PacketFlaw {
    pub(super) fn new(at: usize, detail: impl Into<String>) -> Self {
        Self {
            at,
            truncated: false,
            detail: detail.into(),
        }
    }

    pub(super) fn bits(at: usize, flaw: BitsFlaw) -> Self {
        match flaw {
            BitsFlaw::Cut => Self {
                at,
                truncated: true,
                detail: "a packet header is cut off".into(),
            },
            BitsFlaw::NotStuffed => Self::new(at, "a packet header holds a marker"),
        }
    }
}

impl TilePart<'_> {
    /// The flaw with its position in the file.
    pub(super) fn flaw(&self, flaw: PacketFlaw) -> Flaw {
        let offset = self.offset.saturating_add(flaw.at as u64);
        if flaw.truncated {
            Flaw::truncated(offset, flaw.detail)
        } else {
            Flaw::malformed(offset, flaw.detail)
        }
    }

    /// Checks that packet `index` of the part is as long as PLT says (A.7.3). `sop` says whether it
    /// begins with an SOP marker segment.
    pub(super) fn check_length(
        &self,
        index: usize,
        packet: Range<usize>,
        sop: bool,
    ) -> Result<(), PacketFlaw> {
        let Some(lengths) = &self.lengths else {
            return Ok(());
        };
        let Some(&listed) = lengths.get(index) else {
            return Err(PacketFlaw::new(
                packet.start,
                format!("PLT lists {} packets, but more follow", lengths.len()),
            ));
        };
        // Some writers count the 6 bytes of an SOP marker segment as part of its packet, some do
        // not.
        let (length, listed) = (packet.len(), listed as usize);
        if listed == length || (sop && listed + 6 == length) {
            return Ok(());
        }
        let detail = format!("a packet has {length} bytes, but PLT lists {listed}");
        Err(PacketFlaw::new(packet.start, detail))
    }

    /// Checks that the part has as many packets as PLT says.
    pub(super) fn check_count(&self, packets: usize) -> Result<(), Flaw> {
        match &self.lengths {
            Some(lengths) if lengths.len() != packets => {
                let detail = format!("PLT lists {} packets instead of {packets}", lengths.len());
                Err(self.flaw(PacketFlaw::new(self.packets.len(), detail)))
            }
            _ => Ok(()),
        }
    }
}

/// Checks the SOP marker segment at `at`. It numbers the packets of the tile (A.8.1).
pub(super) fn check_sop(data: &[u8], at: usize, number: u32) -> Result<(), PacketFlaw> {
    let expected = (number & 0xffff).to_be_bytes();
    match data.get(at + 2..at + 6) {
        Some(&[0, 4, high, low]) if [high, low] == expected[2..] => Ok(()),
        Some(&[0, 4, high, low]) => {
            let found = u16::from_be_bytes([high, low]);
            let detail = format!("found SOP {found} instead of SOP {}", number & 0xffff);
            Err(PacketFlaw::new(at, detail))
        }
        _ => Err(PacketFlaw::new(at, "SOP does not have 2 bytes of content")),
    }
}
