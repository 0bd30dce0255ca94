//! The header of a tile-part, from SOT to SOD (A.3).

use bytes::Bytes;

use super::cod::CodingStyle;
use super::marker::{COD, MarkerSegment, PLM, PLT, QCD, SIZ, SOD, SOP, SOT, TLM, outside_profile};
use super::plt::PacketLengths;
use super::qcd::Quantization;
use super::sot::{SOT_LENGTH, TilePartStart};
use crate::error::{Error, Flaw};
use crate::read::{BufferedReader, OffsetBytes};

/// What the header of a tile-part says.
pub(crate) struct TilePartHeader {
    /// Overrides that of the main header, for the whole tile. Only the first part of a tile may
    /// have it (A.6.1).
    pub(crate) style: Option<CodingStyle>,
    /// Overrides that of the main header in the same way (A.6.4).
    pub(crate) quantization: Option<Quantization>,
    /// Bytes of each packet in this part, in order. `None` where the part has no PLT.
    pub(crate) packet_lengths: Option<Vec<u32>>,
    /// The first marker segment outside the profile: its position in the file, and why.
    pub(crate) outside_profile: Option<(u64, &'static str)>,
    /// Bytes from SOT to the first packet.
    pub(crate) length: usize,
}

impl TilePartHeader {
    /// Reads the header of part `number` of `tile`. `bytes` is the whole tile-part, and `offset`
    /// its position in the file.
    pub(crate) fn read(
        tile: u32,
        number: usize,
        offset: u64,
        bytes: &Bytes,
    ) -> Result<Self, Error> {
        let wrong = |detail: String| Error::from(Flaw::malformed(offset, detail));
        let part = OffsetBytes { offset, bytes };
        let mut reader = BufferedReader::new(&part, u64::MAX);
        // SOT must announce the part that the caller wants.
        let start = reader.get(offset, SOT_LENGTH)?.unwrap_or_default();
        let start = TilePartStart::read(&start, offset)?;
        if u32::from(start.tile) != tile || usize::from(start.number) != number {
            let detail = format!(
                "found part {} of tile {} instead of part {number} of tile {tile}",
                start.number, start.tile
            );
            return Err(wrong(detail));
        }
        if start.length != 0 && u64::from(start.length) != bytes.len() as u64 {
            return Err(wrong(format!(
                "a tile-part announces {} bytes, but has {}",
                start.length,
                bytes.len()
            )));
        }

        // Marker segments follow, up to SOD.
        let mut header = Self {
            style: None,
            quantization: None,
            packet_lengths: None,
            outside_profile: None,
            length: 0,
        };
        let mut lengths = PacketLengths::default();
        let mut at = offset.saturating_add(SOT_LENGTH);
        loop {
            let no_sod = || wrong(format!("a header of tile {tile} has no SOD"));
            if reader.u16(at)?.ok_or_else(no_sod)? == SOD {
                break;
            }
            // The whole tile-part is there. So a segment that runs past its end is no truncation.
            let next = MarkerSegment::read(&mut reader, at).map_err(|error| match error {
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
                COD if header.style.is_some() => {
                    return Err(wrong(format!("tile {tile} has a second COD")));
                }
                COD => header.style = Some(CodingStyle::read(&next)?),
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
}
