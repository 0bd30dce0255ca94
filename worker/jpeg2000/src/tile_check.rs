//! What can be told of a tile that is not decoded here: whether it is whole, from its headers and lengths.

use bytes::Bytes;

use crate::error::{Error, Flaw};
use crate::grid::Grid;
use crate::image::Image;
use crate::markers::{EPH, SOP};
use crate::tile_header::tile_part_header;

impl Image {
    /// Checks a tile as far as that goes without decoding it: for images outside the profile, whose decoder may pass
    /// over missing bytes in silence.
    ///
    /// `parts` are what [`TileDecoder::decode`](crate::TileDecoder::decode) takes. Their headers must be whole, what
    /// PLT lists must add up to the bytes and the number of packets, and no marker may stand inside the packets.
    /// Damage that is none of this goes unnoticed.
    ///
    /// # Errors
    /// The first flaw.
    pub fn check_tile(&self, tile: u32, parts: &[(u64, Bytes)]) -> Result<(), Error> {
        let mut coding = self.main.coding.clone();
        let mut plain = self.main.plain;
        let (mut listed, mut unlisted, mut bytes_in_all) = (0_u64, false, 0_u64);
        for (number, (offset, bytes)) in parts.iter().enumerate() {
            let header = tile_part_header(tile, number, *offset, bytes)?;
            plain &= header.outside_profile.is_none();
            coding = header.coding.unwrap_or(coding);
            let data = bytes.get(header.length..).unwrap_or_default();
            let start = offset.saturating_add(header.length as u64);
            bytes_in_all = bytes_in_all.saturating_add(data.len() as u64);
            if let Some(place) = stray_marker(data, coding.sop, coding.eph) {
                let detail = format!("a marker stands inside the packets of tile {tile}");
                return Err(Flaw::malformed(start.saturating_add(place as u64), detail).into());
            }
            let Some(lengths) = header.packet_lengths else {
                unlisted = true;
                continue;
            };
            let (count, sum) = (lengths.len() as u64, lengths.iter().copied().map(u64::from).sum::<u64>());
            listed = listed.saturating_add(count);
            // Writers differ in whether the 6 bytes of an SOP marker segment count as part of its packet, and need not
            // write one for each.
            let longest = if coding.sop { sum.saturating_add(6 * count) } else { sum };
            let length = data.len() as u64;
            if plain && !(sum..=longest).contains(&length) {
                let detail = format!("PLT lists packets of {sum} bytes together, but {length} bytes follow");
                return Err(Flaw::malformed(start, detail).into());
            }
        }
        let grid = Grid::new(self.main.size.tile(tile), &coding, &self.main.quantization);
        let components = u64::from(self.components());
        let packets = grid.precincts.saturating_mul(coding.layers.into()).saturating_mul(components);
        // The number of packets follows from the coding style alone.
        let countable = plain && !self.main.size.is_subsampled();
        let end = parts.last().map_or(0, |(offset, bytes)| offset.saturating_add(bytes.len() as u64));
        if countable && !unlisted && listed != packets {
            let detail = format!("tile {tile} lists {listed} of {packets} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        // Even an empty packet has a byte (B.10.3).
        if countable && bytes_in_all < packets {
            let detail = format!("tile {tile} has {bytes_in_all} bytes for {packets} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        Ok(())
    }
}

/// Where packets hold a marker, which they cannot: their headers stuff a bit after 0xff (B.10.1), and so does the
/// arithmetic coder (C.2.5), so that 0xff90 and above never come up.
fn stray_marker(packets: &[u8], sop: bool, eph: bool) -> Option<usize> {
    packets.windows(2).position(|pair| match *pair {
        [0xff, low] if low >= 0x90 => {
            let marker = 0xff00 | u16::from(low);
            !(sop && marker == SOP || eph && marker == EPH)
        }
        _ => false,
    })
}
