//! Every tile there, every tile-part whole (ISO/IEC 15444-1 A.4.2 to A.4.4 and A.7.3).

use super::codestream::{COC, COD, EOC, MainHeader, PLT, PPT, SIZ, SOD, SOT, segment};
use super::{Flaw, Span, packets};

/// What has been seen of one tile.
#[derive(Clone, Default)]
struct Tile {
    parts: u16,
    /// Number of tile-parts as some tile-part gave it; 0 until one does.
    announced: u8,
    bytes: u64,
    /// Bytes behind SOD.
    data: u64,
    /// Packets listed in PLT.
    listed: u64,
    /// Some tile-part has no PLT.
    unlisted: bool,
    /// A coding style of its own: its packets cannot be counted from the main header.
    own_style: bool,
    packed_headers: bool,
}

/// The SOT marker segment (A.4.2), with the tile-part it opens.
struct TilePart<'a> {
    tile: u16,
    number: u8,
    announced: u8,
    /// From the SOT marker to the end of the data.
    whole: Span<'a>,
}

/// Walks over all tile-parts up to EOC. Returns the bytes of the largest tile.
pub(super) fn walk(stream: Span<'_>, main: &MainHeader) -> Result<u64, Flaw> {
    let mut tiles = vec![Tile::default(); usize::try_from(main.size.tiles()).unwrap_or_default()];
    let mut at = main.tile_parts;
    loop {
        let offset = stream.offset(at);
        match stream.u16(at) {
            Some(SOT) => {
                let part = read_tile_part(stream, at)?;
                let Some(tile) = tiles.get_mut(usize::from(part.tile)) else {
                    let detail =
                        format!("tile {} does not exist in a grid of {}", part.tile, main.size.tiles());
                    return Err(Flaw::malformed(offset, detail));
                };
                add_tile_part(tile, &part, main)?;
                at = at.saturating_add(part.whole.len());
            }
            Some(EOC) => break,
            Some(other) => {
                let detail = format!("0x{other:04x} stands where the next tile-part or EOC should");
                return Err(Flaw::malformed(offset, detail));
            }
            None => return Err(Flaw::truncated(offset, "the codestream ends without EOC")),
        }
    }
    for (index, tile) in (0..).zip(&tiles) {
        check_complete(index, tile, main).map_err(|detail| Flaw::truncated(stream.offset(at), detail))?;
    }
    Ok(tiles.iter().map(|tile| tile.bytes).max().unwrap_or_default())
}

fn read_tile_part(stream: Span<'_>, at: u64) -> Result<TilePart<'_>, Flaw> {
    let sot = segment(stream, at)?;
    let read = || {
        let fields = (sot.content.u16(0)?, sot.content.u32(2)?, sot.content.u8(6)?, sot.content.u8(7)?);
        (sot.content.len() == 8).then_some(fields)
    };
    let Some((tile, length, number, announced)) = read() else {
        return Err(Flaw::malformed(sot.offset, "SOT does not have 8 bytes of content"));
    };
    let available = stream.len().saturating_sub(at);
    let length = match length {
        // Only the last tile-part may leave its length open; it then reaches up to EOC, the last marker.
        0 if stream.u16(stream.len().saturating_sub(2)) == Some(EOC) => available.saturating_sub(2),
        0 => return Err(Flaw::truncated(stream.end(), "the last tile-part is open and there is no EOC")),
        length => u64::from(length),
    };
    let Some(whole) = stream.sub(at, length) else {
        let detail = format!(
            "part {number} of tile {tile} has {length} bytes, of which {available} are there (up to byte {})",
            stream.end(),
        );
        return Err(Flaw::truncated(sot.offset, detail));
    };
    Ok(TilePart { tile, number, announced, whole })
}

fn add_tile_part(tile: &mut Tile, part: &TilePart<'_>, main: &MainHeader) -> Result<(), Flaw> {
    let wrong = |detail: String| Flaw::malformed(part.whole.offset(0), detail);
    if u16::from(part.number) != tile.parts {
        let detail =
            format!("tile {} goes on with part {} instead of {}", part.tile, part.number, tile.parts);
        return Err(wrong(detail));
    }
    if part.announced != 0 {
        if tile.announced != 0 && tile.announced != part.announced {
            return Err(wrong(format!("tile {} announces different numbers of parts", part.tile)));
        }
        tile.announced = part.announced;
    }
    tile.parts = tile.parts.saturating_add(1);
    tile.bytes = tile.bytes.saturating_add(part.whole.len());

    let mut lengths = PacketLengths::default();
    // 12: the SOT marker segment itself.
    let mut at = 12;
    while part.whole.u16(at) != Some(SOD) {
        let next = segment(part.whole, at).map_err(|flaw| Flaw::malformed(flaw.offset, flaw.detail))?;
        match next.marker {
            SOT | SIZ => return Err(wrong(format!("a header of tile {} has no SOD", part.tile))),
            COD | COC => tile.own_style = true,
            PPT => tile.packed_headers = true,
            PLT => lengths.add(next.content).map_err(|detail| Flaw::malformed(next.offset, detail))?,
            _ => {}
        }
        at = next.next;
    }
    let data = part.whole.len().saturating_sub(at.saturating_add(2));
    if lengths.present {
        lengths.check(data, main.coding.packet_markers || tile.own_style).map_err(wrong)?;
    }
    let coded = part.whole.from(at.saturating_add(2)).map(Span::bytes).unwrap_or_default();
    if let Some(place) = stray_marker(coded, main.coding.packet_markers || tile.own_style) {
        let detail = format!("a marker stands inside the packets of tile {}", part.tile);
        return Err(Flaw::malformed(part.whole.offset(at.saturating_add(2).saturating_add(place)), detail));
    }
    tile.data = tile.data.saturating_add(data);
    tile.listed = tile.listed.saturating_add(lengths.packets);
    tile.unlisted |= !lengths.present;
    Ok(())
}

/// Where coded data hold a marker, which they cannot: packet headers stuff a bit after 0xff (B.10.1), and so does the
/// arithmetic coder (Annex C), so that 0xff90 and above never come up.
///
/// Nothing else about the inside of a packet can be told without decoding it. This finds data that were overwritten
/// with something foreign, but neither zeros nor a single changed bit.
fn stray_marker(coded: &[u8], packet_markers: bool) -> Option<u64> {
    let stray = |pair: &[u8]| matches!(*pair, [0xff, low] if low >= 0x90 && !(packet_markers && matches!(low, 0x91 | 0x92)));
    coded.windows(2).position(stray).map(|place| place as u64)
}

fn check_complete(index: u32, tile: &Tile, main: &MainHeader) -> Result<(), String> {
    if tile.parts == 0 {
        return Err(format!("tile {index} of {} is missing", main.size.tiles()));
    }
    if tile.announced != 0 && u16::from(tile.announced) != tile.parts {
        return Err(format!("tile {index} has {} of {} parts", tile.parts, tile.announced));
    }
    let Some(packets) = packets::in_tile(main, index).filter(|_| main.uniform && !tile.own_style) else {
        return Ok(());
    };
    if !tile.unlisted && tile.listed != packets {
        return Err(format!("tile {index} lists {} of {packets} packets", tile.listed));
    }
    let headers_elsewhere = main.packed_headers || tile.packed_headers;
    if !headers_elsewhere && tile.data < packets {
        return Err(format!("tile {index} has {} bytes for {packets} packets", tile.data));
    }
    Ok(())
}

/// The packet lengths of a tile-part, from its PLT marker segments in order (A.7.3).
#[derive(Default)]
struct PacketLengths {
    present: bool,
    next_index: u8,
    packets: u64,
    bytes: u64,
    /// Length whose last byte has not come yet.
    open: Option<u64>,
}

impl PacketLengths {
    fn add(&mut self, content: Span<'_>) -> Result<(), String> {
        let Some((&index, lengths)) = content.bytes().split_first() else {
            return Err("PLT is empty".into());
        };
        // The index has 8 bits and starts again after 255 segments.
        if index != self.next_index {
            return Err(format!("PLT {index} stands where PLT {} should", self.next_index));
        }
        self.present = true;
        self.next_index = index.wrapping_add(1);
        for byte in lengths {
            let length = self.open.take().unwrap_or_default();
            let length = length.checked_mul(128).and_then(|high| high.checked_add(u64::from(byte & 0x7f)));
            let length = length.ok_or("a packet length in PLT has too many digits")?;
            if byte & 0x80 == 0 {
                self.packets = self.packets.saturating_add(1);
                self.bytes = self.bytes.saturating_add(length);
            } else {
                self.open = Some(length);
            }
        }
        Ok(())
    }

    fn check(&self, data: u64, sop: bool) -> Result<(), String> {
        if self.open.is_some() {
            return Err("the last packet length in PLT is cut off".into());
        }
        // Writers differ in whether the 6 bytes of an SOP marker segment count as part of its packet.
        let with_sop = self.bytes.saturating_add(self.packets.saturating_mul(6));
        if self.bytes == data || (sop && with_sop == data) {
            return Ok(());
        }
        Err(format!("PLT lists packets of {} bytes together, but {data} bytes follow", self.bytes))
    }
}
