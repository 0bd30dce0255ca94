//! Checking a tile that another decoder decodes: whether it is whole, from its headers, its
//! packets, and the ends of its code blocks.

use bytes::Bytes;

use super::code_blocks::{coded_block, divide, included};
use super::headers::{body, start_of};
use crate::codestream::{CodingStyle, EPH, SOP, TilePartHeader};
use crate::error::{Error, Flaw};
use crate::file::Image;
use crate::tier1::BlockDecoder;
use crate::tier2::{PacketReader, TileGeometry, TilePart};

/// Style flags that split a code block into several codeword segments, each with a length of its
/// own (B.10.7.2): selective bypass, and termination on each pass.
const SEPARATE_SEGMENTS: u8 = 0x01 | 0x04;

/// The style flag that changes only how an encoder ends a segment: predictable termination.
const PREDICTABLE_TERMINATION: u8 = 0x10;

/// Passes of a block in which every flag makes a difference. The bypass begins after the tenth
/// (D.6).
const SIGNIFICANT_PASSES: u16 = 11;

/// How many such blocks must decode without the flags before the flags count as damage.
const SIGNIFICANT_BLOCKS: u32 = 8;

impl Image {
    /// Checks a tile as far as this goes without decoding it. It is for images outside the profile,
    /// whose decoder may ignore missing bytes, and may allocate more memory than there is.
    ///
    /// `parts` and `stop` are those of [`TileDecoder::decode`](crate::TileDecoder::decode). The
    /// check takes about as long as decoding the tile. It notices
    ///
    /// - damaged headers,
    /// - PLT marker segments that do not add up to the bytes and the number of packets,
    /// - markers inside the packets,
    /// - code blocks at whose ends the arithmetic decoder does not arrive, where packets are
    ///   written as inside the profile.
    ///
    /// # Errors
    /// [`Error::Flaw`] with the first flaw, or [`Error::Stopped`].
    pub fn check_tile(
        &self,
        tile: u32,
        parts: &[(u64, Bytes)],
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        // Read the headers, and compare PLT with the bytes of each tile-part.
        let mut coding = self.main.coding.clone();
        let mut in_place = self.main.packets_in_place;
        let mut bodies = Vec::with_capacity(parts.len());
        for (number, (offset, bytes)) in parts.iter().enumerate() {
            let mut header = TilePartHeader::read(tile, number, *offset, bytes)?;
            in_place &= header.outside_profile.is_none();
            coding.override_with(&mut header);
            let body = body(*offset, bytes, header);
            check_markers(tile, &body, &coding.style)?;
            if in_place {
                check_listed_bytes(&body, coding.style.sop)?;
            }
            bodies.push(body);
        }
        let start = start_of(parts);
        if let Some(detail) = coding.contradiction(self.components()) {
            return Err(Flaw::malformed(start, format!("tile {tile} names {detail}")).into());
        }
        // The number of packets follows from the coding style alone.
        let geometry = divide(tile, self.main.size.tile(tile), &coding, start)?;
        let components = u64::from(self.components());
        let packets = geometry
            .precinct_count
            .saturating_mul(coding.style.layers.into())
            .saturating_mul(components);
        let countable = in_place && !self.main.size.is_subsampled();
        let end = parts.last().map_or(0, |(offset, bytes)| {
            offset.saturating_add(bytes.len() as u64)
        });
        let listed = bodies.iter().try_fold(0_u64, |sum, body| {
            Some(sum.saturating_add(body.lengths.as_ref()?.len() as u64))
        });
        if let Some(listed) = listed.filter(|&listed| countable && listed != packets) {
            let detail = format!("tile {tile} lists {listed} of {packets} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        // Even an empty packet has a byte, which may be elsewhere in the codestream (B.10.3).
        let codestream = self.codestream();
        let room = if countable {
            bodies.iter().map(|body| body.packets.len() as u64).sum()
        } else {
            codestream.end.saturating_sub(codestream.start)
        };
        if room < packets {
            let detail = format!("tile {tile} has {room} bytes for {packets} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        if countable && components == 1 {
            check_blocks(&geometry, &coding.style, &bodies, stop)
        } else {
            Ok(())
        }
    }
}

/// Checks that no marker stands inside the packets.
fn check_markers(tile: u32, part: &TilePart<'_>, style: &CodingStyle) -> Result<(), Flaw> {
    match stray_marker(part.packets, style.sop, style.eph) {
        Some(at) => Err(Flaw::malformed(
            part.offset.saturating_add(at as u64),
            format!("a marker stands inside the packets of tile {tile}"),
        )),
        None => Ok(()),
    }
}

/// Checks that the packets that PLT lists are as long as the tile-part.
fn check_listed_bytes(part: &TilePart<'_>, sop: bool) -> Result<(), Flaw> {
    let Some(lengths) = &part.lengths else {
        return Ok(());
    };
    let sum = lengths.iter().copied().map(u64::from).sum::<u64>();
    // Some writers count the 6 bytes of an SOP marker segment as part of its packet, some do not. A
    // packet need not have one.
    let longest = if sop {
        sum.saturating_add(6 * lengths.len() as u64)
    } else {
        sum
    };
    let length = part.packets.len() as u64;
    if (sum..=longest).contains(&length) {
        return Ok(());
    }
    let detail = format!("PLT lists packets of {sum} bytes together, but {length} bytes follow");
    Err(Flaw::malformed(part.offset, detail))
}

/// Reads the packets, and checks that the arithmetic decoder ends where the code blocks do.
fn check_blocks(
    geometry: &TileGeometry,
    style: &CodingStyle,
    parts: &[TilePart<'_>],
    stop: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let flags = style.block_style;
    let mut packets = PacketReader::default();
    match packets.read(geometry, style, parts, stop) {
        Err(Error::Flaw(_)) if flags & SEPARATE_SEGMENTS != 0 => return Ok(()),
        read => read?,
    }
    if flags == PREDICTABLE_TERMINATION {
        return Ok(());
    }
    let mut decoder = BlockDecoder::new();
    let (mut pieces, mut coefficients, mut significant) = (Vec::new(), Vec::new(), 0);
    for (block, band) in included(&packets, geometry) {
        if stop() {
            return Err(Error::Stopped);
        }
        let offset = packets.pieces(block, parts, &mut pieces);
        let coded = coded_block(band, block, &pieces);
        coefficients.resize(coded.width * coded.height, 0);
        match decoder.decode(&coded, &mut coefficients, coded.width) {
            Err(flaw) if flags == 0 => return Err(Flaw::malformed(offset, flaw.to_string()).into()),
            // The block seems to be coded in the style that the header names.
            Err(_) => return Ok(()),
            Ok(()) => significant += u32::from(block.passes >= SIGNIFICANT_PASSES),
        }
    }
    if flags != 0 && significant >= SIGNIFICANT_BLOCKS {
        let detail = format!(
            "the header names code-block style flags 0x{flags:02x}, but the data are coded without"
        );
        return Err(Flaw::malformed(parts.first().map_or(0, |part| part.offset), detail).into());
    }
    Ok(())
}

/// Where the packets hold a marker, if they do. Sound packets hold none: their headers stuff a bit
/// after 0xff (B.10.1), and so does the arithmetic coder (C.2.5), so 0xff90 and above never occur.
fn stray_marker(packets: &[u8], sop: bool, eph: bool) -> Option<usize> {
    packets.windows(2).position(|pair| match *pair {
        [0xff, low] if low >= 0x90 => {
            let marker = 0xff00 | u16::from(low);
            !(sop && marker == SOP || eph && marker == EPH)
        }
        _ => false,
    })
}
