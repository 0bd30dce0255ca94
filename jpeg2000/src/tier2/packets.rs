//! Reading all packets of a tile (B.9, B.10 and A.8).

use super::geometry::{PrecinctIndex, TileGeometry};
use super::header_bits::HeaderBits;
use super::packet_header::{Contribution, read_header};
use super::precincts::{CodeBlock, Precincts};
use super::progression::packet_order;
use super::tile_part::{PacketFlaw, TilePart, check_sop};
use crate::codestream::{CodingStyle, EPH, SOP};
use crate::error::{Error, Flaw};

/// Packets between two calls of `stop`.
const PACKETS_PER_STOP: u32 = 64;

/// Reads packets. It keeps its memory from tile to tile.
#[derive(Default)]
pub(crate) struct PacketReader {
    precincts: Precincts,
    /// What the current packet adds, in the order of its body.
    contributions: Vec<Contribution>,
}

impl PacketReader {
    /// Reads all packets of a tile.
    ///
    /// # Errors
    /// [`Error::Flaw`] with the first flaw, or [`Error::Stopped`].
    pub(crate) fn read(
        &mut self,
        geometry: &TileGeometry,
        style: &CodingStyle,
        parts: &[TilePart<'_>],
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        // Even an empty packet has a byte (B.10.3). This check also bounds the memory per precinct.
        let end = parts.last().map_or(0, |part| {
            part.offset.saturating_add(part.packets.len() as u64)
        });
        let available: u64 = parts.iter().map(|part| part.packets.len() as u64).sum();
        let expected = geometry.precinct_count.saturating_mul(style.layers.into());
        if expected > available {
            let detail = format!("the tile has {available} bytes for {expected} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        self.precincts.start(geometry.precinct_count);

        // Read packet by packet. A packet never continues in another tile-part, so each part ends
        // where a packet does (A.4.2).
        let mut rest = parts.iter().enumerate();
        let mut current: Option<(usize, &TilePart<'_>)> = None;
        let (mut at, mut in_part) = (0, 0);
        let mut number = 0_u32;
        for (layer, precinct) in packet_order(geometry, style.progression, style.layers) {
            if number.is_multiple_of(PACKETS_PER_STOP) && stop() {
                return Err(Error::Stopped);
            }
            while current.is_none_or(|(_, part)| at == part.packets.len()) {
                if let Some((_, part)) = current {
                    part.check_count(in_part)?;
                }
                let Some(next) = rest.next() else {
                    let detail = format!("the tile has {number} of {expected} packets");
                    return Err(Flaw::truncated(end, detail).into());
                };
                current = Some(next);
                (at, in_part) = (0, 0);
            }
            let Some((index, part)) = current else { break };
            let start = at;
            let marked = style.sop && begins_with(part.packets, at, SOP);
            at = self
                .packet(
                    geometry,
                    style,
                    (layer, precinct),
                    (index, part.packets, at),
                    marked.then_some(number),
                )
                .map_err(|flaw| part.flaw(flaw))?;
            part.check_length(in_part, start..at, marked)
                .map_err(|flaw| part.flaw(flaw))?;
            number = number.wrapping_add(1);
            in_part += 1;
        }

        // Nothing may follow the last packet.
        if let Some((_, part)) = current {
            if at != part.packets.len() {
                let detail = format!(
                    "{} bytes follow the last packet of the tile",
                    part.packets.len() - at
                );
                return Err(part.flaw(PacketFlaw::new(at, detail)).into());
            }
            part.check_count(in_part)?;
        }
        for (_, part) in rest {
            if !part.packets.is_empty() {
                let detail = "a tile-part follows the last packet of the tile";
                return Err(part.flaw(PacketFlaw::new(0, detail)).into());
            }
            part.check_count(0)?;
        }
        Ok(())
    }

    /// The code blocks of all precincts that had a packet with content. Some of the blocks may not
    /// be included in any packet.
    pub(crate) fn blocks(&self) -> &[CodeBlock] {
        &self.precincts.blocks
    }

    /// Puts the bytes of a code block into `pieces`, packet by packet. Returns the position of the
    /// first in the file.
    pub(crate) fn pieces<'a>(
        &self,
        block: &CodeBlock,
        parts: &[TilePart<'a>],
        pieces: &mut Vec<&'a [u8]>,
    ) -> u64 {
        self.precincts.pieces(block, parts, pieces)
    }

    /// Reads the packet at `at`. Returns where it ends. `sop` is the number of the packet if it
    /// begins with SOP.
    fn packet(
        &mut self,
        geometry: &TileGeometry,
        style: &CodingStyle,
        place: (u16, PrecinctIndex),
        (part, data, mut at): (usize, &[u8], usize),
        sop: Option<u32>,
    ) -> Result<usize, PacketFlaw> {
        if let Some(number) = sop {
            check_sop(data, at, number)?;
            at += 6;
        }
        // The header: its first bit says whether the packet has content.
        let start = at;
        let mut bits = HeaderBits::new(data, at);
        self.contributions.clear();
        if bits.bit().map_err(|flaw| PacketFlaw::bits(start, flaw))? {
            read_header(
                &mut self.precincts,
                geometry,
                place,
                &mut bits,
                start,
                &mut self.contributions,
            )?;
        }
        at = bits
            .finish()
            .map_err(|flaw| PacketFlaw::bits(start, flaw))?;
        if style.eph {
            if !begins_with(data, at, EPH) {
                return Err(PacketFlaw::new(at, "no EPH marker ends the packet header"));
            }
            at += 2;
        }
        // The body: the bytes of each code block.
        for &Contribution { block, length } in &self.contributions {
            let end = usize::try_from(length)
                .ok()
                .and_then(|length| at.checked_add(length))
                .filter(|&end| end <= data.len());
            let Some(end) = end else {
                let detail = format!(
                    "a packet has {length} bytes for a code block, but only {} are left",
                    data.len() - at
                );
                return Err(PacketFlaw::new(start, detail));
            };
            if length > 0 {
                self.precincts.add_piece(block, part, at, length);
            }
            at = end;
        }
        Ok(at)
    }
}

/// Whether a marker stands at `at`.
fn begins_with(data: &[u8], at: usize, marker: u16) -> bool {
    data.get(at..)
        .is_some_and(|rest| rest.starts_with(&marker.to_be_bytes()))
}
