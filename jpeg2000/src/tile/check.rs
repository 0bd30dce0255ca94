//! What can be told of a tile that is not decoded here: whether it is whole, from its headers, its
//! packets and the ends of its code blocks.

use bytes::Bytes;

use crate::codestream::cod::CodingStyle;
use crate::codestream::marker::{EPH, SOP};
use crate::codestream::tile_part_header::tile_part_header;
use crate::error::{Error, Flaw};
use crate::file::image::Image;
use crate::tier1::BlockDecoder;
use crate::tier2::geometry::Grid;
use crate::tier2::packets::{Packets, TilePart};
use crate::tile::decoder::{MOST_BLOCKS, band_of, coded_block};

/// Flags that split a code block into several codeword segments, each with a length of its own
/// (B.10.7.2): selective bypass, termination on each pass.
const SEPARATE_SEGMENTS: u8 = 0x01 | 0x04;
/// The flag that changes how a segment is ended, and nothing that a decoder reads: predictable
/// termination.
const PREDICTABLE: u8 = 0x10;

/// Passes of a block with which all flags make a difference: the bypass begins behind the tenth
/// (D.6).
const TELLING_PASSES: u16 = 11;
/// Such blocks that must agree before anything is concluded from them.
const TELLING_BLOCKS: u32 = 8;

impl Image {
    /// Checks a tile as far as that goes without decoding it: for images outside the profile, whose
    /// decoder may pass over missing bytes in silence, and may ask for more memory than there is.
    ///
    /// `parts` are what [`TileDecoder::decode`](crate::TileDecoder::decode) takes. Their headers
    /// must be whole, what PLT lists must add up to the bytes and the number of packets, and no
    /// marker may stand inside the packets. Where packets are written as they are inside the
    /// profile, they are read one by one, and the arithmetic decoder must come out at the end of
    /// each code block. It takes about as long as decoding the tile. `stop` is asked every few
    /// milliseconds; once it says yes, so does the error. Damage that is none of this goes
    /// unnoticed.
    ///
    /// # Errors
    /// The first flaw.
    pub fn check_tile(
        &self,
        tile: u32,
        parts: &[(u64, Bytes)],
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let mut coding = self.main.coding.clone();
        let mut quantization = self.main.quantization.clone();
        let mut plain = self.main.plain;
        let (mut listed, mut unlisted, mut bytes_in_all) = (0_u64, false, 0_u64);
        let mut bodies = Vec::with_capacity(parts.len());
        for (number, (offset, bytes)) in parts.iter().enumerate() {
            let header = tile_part_header(tile, number, *offset, bytes)?;
            plain &= header.outside_profile.is_none();
            coding = header.coding.unwrap_or(coding);
            quantization = header.quantization.unwrap_or(quantization);
            let data = bytes.get(header.length..).unwrap_or_default();
            let start = offset.saturating_add(header.length as u64);
            bytes_in_all = bytes_in_all.saturating_add(data.len() as u64);
            if let Some(place) = stray_marker(data, coding.sop, coding.eph) {
                let detail = format!("a marker stands inside the packets of tile {tile}");
                return Err(Flaw::malformed(start.saturating_add(place as u64), detail).into());
            }
            bodies.push(TilePart {
                offset: start,
                packets: data,
                lengths: header.packet_lengths,
            });
            let Some(lengths) = bodies.last().and_then(|body| body.lengths.as_ref()) else {
                unlisted = true;
                continue;
            };
            let (count, sum) = (
                lengths.len() as u64,
                lengths.iter().copied().map(u64::from).sum::<u64>(),
            );
            listed = listed.saturating_add(count);
            // Writers differ in whether the 6 bytes of an SOP marker segment count as part of its
            // packet, and need not write one for each.
            let longest = if coding.sop {
                sum.saturating_add(6 * count)
            } else {
                sum
            };
            let length = data.len() as u64;
            if plain && !(sum..=longest).contains(&length) {
                let detail =
                    format!("PLT lists packets of {sum} bytes together, but {length} bytes follow");
                return Err(Flaw::malformed(start, detail).into());
            }
        }
        let start = parts.first().map_or(0, |part| part.0);
        if let Some(detail) = coding.contradiction(&quantization, self.components()) {
            return Err(Flaw::malformed(start, format!("tile {tile} names {detail}")).into());
        }
        let grid = Grid::new(self.main.size.tile(tile), &coding, &quantization);
        if grid.blocks > MOST_BLOCKS {
            let detail = format!("tile {tile} has {} code blocks", grid.blocks);
            return Err(Flaw::unsupported(start, detail).into());
        }
        let components = u64::from(self.components());
        let packets = grid
            .precincts
            .saturating_mul(coding.layers.into())
            .saturating_mul(components);
        // The number of packets follows from the coding style alone.
        let countable = plain && !self.main.size.is_subsampled();
        let end = parts.last().map_or(0, |(offset, bytes)| {
            offset.saturating_add(bytes.len() as u64)
        });
        if countable && !unlisted && listed != packets {
            let detail = format!("tile {tile} lists {listed} of {packets} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        // Even an empty packet has a byte (B.10.3), be it in another place.
        let codestream = self.codestream();
        let room = if countable {
            bytes_in_all
        } else {
            codestream.end.saturating_sub(codestream.start)
        };
        if room < packets {
            let detail = format!("tile {tile} has {room} bytes for {packets} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        if countable && components == 1 {
            check_blocks(&grid, &coding, &bodies, stop)
        } else {
            Ok(())
        }
    }
}

/// Reads the packets, and holds the arithmetic decoder against the ends of the code blocks.
fn check_blocks(
    grid: &Grid,
    coding: &CodingStyle,
    parts: &[TilePart<'_>],
    stop: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let style = coding.block_style();
    let mut packets = Packets::default();
    match packets.read(grid, coding, parts, stop) {
        Err(Error::Flaw(_)) if style & SEPARATE_SEGMENTS != 0 => return Ok(()),
        read => read?,
    }
    if style == PREDICTABLE {
        return Ok(());
    }
    let mut blocks = BlockDecoder::new();
    let (mut pieces, mut coefficients, mut telling) = (Vec::new(), Vec::new(), 0);
    for block in packets.blocks() {
        let Some(band) = band_of(grid, block) else {
            continue;
        };
        if stop() {
            return Err(Error::Stopped);
        }
        let offset = packets.pieces(block, parts, &mut pieces);
        let coded = coded_block(band, block, &pieces);
        coefficients.resize(coded.width * coded.height, 0);
        match blocks.decode(&coded, &mut coefficients, coded.width) {
            Err(flaw) if style == 0 => return Err(Flaw::malformed(offset, flaw.to_string()).into()),
            // Coded in the style that is announced, as far as can be told.
            Err(_) => return Ok(()),
            Ok(()) => telling += u32::from(block.passes >= TELLING_PASSES),
        }
    }
    if style != 0 && telling >= TELLING_BLOCKS {
        let detail = format!(
            "the header names code-block style flags 0x{style:02x}, but the data are coded without"
        );
        return Err(Flaw::malformed(parts.first().map_or(0, |part| part.offset), detail).into());
    }
    Ok(())
}

/// Where packets hold a marker, which they cannot: their headers stuff a bit after 0xff (B.10.1),
/// and so does the arithmetic coder (C.2.5), so that 0xff90 and above never come up.
fn stray_marker(packets: &[u8], sop: bool, eph: bool) -> Option<usize> {
    packets.windows(2).position(|pair| match *pair {
        [0xff, low] if low >= 0x90 => {
            let marker = 0xff00 | u16::from(low);
            !(sop && marker == SOP || eph && marker == EPH)
        }
        _ => false,
    })
}
