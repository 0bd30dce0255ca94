//! The header of a tile-part, from SOT to SOD (ISO/IEC 15444-1 A.3 and A.7.3).

use bytes::Bytes;

use crate::codestream::cod::{CodingStyle, Quantization};
use crate::codestream::marker::{
    COD, PLM, PLT, QCD, SIZ, SOD, SOP, SOT, TLM, outside_profile, segment,
};
use crate::error::{Error, Flaw};
use crate::file::tiles::{SOT_LENGTH, TilePartStart};
use crate::read::buffered::{Piece, Window};

/// What the header of a tile-part says.
pub(crate) struct TilePartHeader {
    /// Instead of the main header's, for the whole tile; only in its first part (A.6.1).
    pub(crate) coding: Option<CodingStyle>,
    pub(crate) quantization: Option<Quantization>,
    /// Bytes of the packets in this part, in order; `None` where it has no PLT marker segments.
    pub(crate) packet_lengths: Option<Vec<u32>>,
    /// The first marker segment that takes the tile out of the profile: where it is, and why.
    pub(crate) outside_profile: Option<(u64, &'static str)>,
    /// Bytes from SOT to the first packet.
    pub(crate) length: usize,
}

/// Reads the header of part `number` of `tile`, of which `bytes` is the whole, `offset` where it
/// begins in the file.
pub(crate) fn tile_part_header(
    tile: u32,
    number: usize,
    offset: u64,
    bytes: &Bytes,
) -> Result<TilePartHeader, Error> {
    let wrong = |detail: String| Error::from(Flaw::malformed(offset, detail));
    let piece = Piece { offset, bytes };
    let mut window = Window::new(&piece, u64::MAX);
    let start = window.get(offset, SOT_LENGTH)?.unwrap_or_default();
    let start = TilePartStart::read(&start, offset)?;
    if u32::from(start.tile) != tile || usize::from(start.number) != number {
        let detail = format!(
            "part {} of tile {} stands where part {number} of tile {tile} should",
            start.number, start.tile
        );
        return Err(wrong(detail));
    }
    if start.length != 0 && u64::from(start.length) != bytes.len() as u64 {
        return Err(wrong(format!(
            "a tile-part of {} bytes was given {}",
            start.length,
            bytes.len()
        )));
    }

    let mut header = TilePartHeader {
        coding: None,
        quantization: None,
        packet_lengths: None,
        outside_profile: None,
        length: 0,
    };
    let mut lengths = PacketLengths::default();
    let mut at = offset.saturating_add(SOT_LENGTH);
    loop {
        let no_sod = || wrong(format!("a header of tile {tile} has no SOD"));
        if window.u16(at)?.ok_or_else(no_sod)? == SOD {
            break;
        }
        // The tile-part is all there, so a segment that runs past its end is no truncation.
        let next = segment(&mut window, at).map_err(|error| match error {
            Error::Flaw(flaw) => Error::Flaw(Flaw::malformed(flaw.offset, flaw.detail)),
            other => other,
        })?;
        match next.marker {
            SOT | SIZ | TLM | PLM | SOP => return Err(no_sod()),
            COD | QCD if number != 0 => {
                return Err(wrong(format!(
                    "tile {tile} changes its coding style in part {number}"
                )));
            }
            COD if header.coding.is_some() => {
                return Err(wrong(format!("tile {tile} has a second COD")));
            }
            COD => header.coding = Some(CodingStyle::read(&next)?),
            QCD if header.quantization.is_some() => {
                return Err(wrong(format!("tile {tile} has a second QCD")));
            }
            QCD => header.quantization = Some(Quantization::read(&next)?),
            PLT => lengths
                .add(&next.content)
                .map_err(|detail| Flaw::malformed(next.offset, detail))?,
            marker => {
                let outside = outside_profile(marker).map(|reason| (next.offset, reason));
                header.outside_profile = header.outside_profile.or(outside);
            }
        }
        at = next.next;
    }
    header.packet_lengths = lengths
        .finish()
        .map_err(|detail| Flaw::malformed(offset, detail))?;
    header.length = usize::try_from(at - offset)
        .unwrap_or(usize::MAX)
        .saturating_add(2);
    Ok(header)
}

/// The packet lengths of a tile-part, from its PLT marker segments in order (A.7.3).
#[derive(Default)]
struct PacketLengths {
    next_index: u8,
    /// `None` before the first segment.
    lengths: Option<Vec<u32>>,
    /// Length whose last byte has not come yet.
    open: Option<u32>,
}

impl PacketLengths {
    fn add(&mut self, content: &[u8]) -> Result<(), String> {
        let Some((&index, digits)) = content.split_first() else {
            return Err("PLT is empty".into());
        };
        // The index has 8 bits and starts again after 255 segments.
        if index != self.next_index {
            return Err(format!(
                "PLT {index} stands where PLT {} should",
                self.next_index
            ));
        }
        self.next_index = index.wrapping_add(1);
        let lengths = self.lengths.get_or_insert_default();
        for digit in digits {
            let high = self.open.take().unwrap_or_default().checked_mul(128);
            let length =
                high.ok_or("a packet length in PLT has too many digits")? | u32::from(digit & 0x7f);
            if digit & 0x80 == 0 {
                lengths.push(length);
            } else {
                self.open = Some(length);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Vec<u32>>, String> {
        match self.open {
            Some(_) => Err("the last packet length in PLT is cut off".into()),
            None => Ok(self.lengths),
        }
    }
}
