//! The headers of the tile-parts of a tile.

use bytes::Bytes;

use crate::codestream::{Coding, TilePartHeader};
use crate::error::{Error, Flaw};
use crate::file::Image;
use crate::tier2::TilePart;

/// Reads the headers of the tile-parts. Returns the coding of the tile, and its tile-parts without
/// their headers.
///
/// # Errors
/// The first flaw, or that the tile is outside the profile.
pub(super) fn read_headers<'a>(
    image: &Image,
    tile: u32,
    parts: &'a [(u64, Bytes)],
) -> Result<(Coding, Vec<TilePart<'a>>), Error> {
    let mut coding = image.main.coding.clone();
    let mut bodies = Vec::with_capacity(parts.len());
    for (number, (offset, bytes)) in parts.iter().enumerate() {
        // Positions in a tile-part are kept in 32 bits. Only a part without a length can be larger.
        if u32::try_from(bytes.len()).is_err() {
            return Err(Flaw::unsupported(*offset, "a tile-part is larger than 4 GiB").into());
        }
        let mut header = TilePartHeader::read(tile, number, *offset, bytes)?;
        if let Some((offset, reason)) = header.outside_profile {
            return Err(Flaw::unsupported(offset, format!("tile {tile} uses {reason}")).into());
        }
        coding.override_with(&mut header);
        bodies.push(body(*offset, bytes, header));
    }
    let start = start_of(parts);
    if let Some(detail) = coding.contradiction(image.components()) {
        return Err(Flaw::malformed(start, format!("tile {tile} names {detail}")).into());
    }
    if let Some(reason) = coding.outside_profile() {
        return Err(Flaw::unsupported(start, format!("tile {tile} has {reason}")).into());
    }
    Ok((coding, bodies))
}

/// The tile-part after its header.
pub(super) fn body(offset: u64, bytes: &Bytes, header: TilePartHeader) -> TilePart<'_> {
    TilePart {
        offset: offset.saturating_add(header.length as u64),
        packets: bytes.get(header.length..).unwrap_or_default(),
        lengths: header.packet_lengths,
    }
}

/// Position of the first tile-part in the file.
pub(super) fn start_of(parts: &[(u64, Bytes)]) -> u64 {
    parts.first().map_or(0, |part| part.0)
}
