//! The code blocks of a tile on their way from tier-2 to tier-1.

use crate::codestream::Coding;
use crate::error::Flaw;
use crate::rect::Rect;
use crate::tier1::CodedBlock;
use crate::tier2::{Band, CodeBlock, PacketReader, TileGeometry};

/// Most code blocks of a tile: 8192x8192 samples in the smallest blocks.
const MOST_CODE_BLOCKS: u64 = 1 << 22;

/// Divides `tile`, which covers `rect` and whose first tile-part lies at `start` in the file.
///
/// # Errors
/// The tile has more code blocks than the decoder takes.
pub(super) fn divide(
    tile: u32,
    rect: Rect,
    coding: &Coding,
    start: u64,
) -> Result<TileGeometry, Flaw> {
    let geometry = TileGeometry::new(rect, coding);
    if geometry.most_code_blocks > MOST_CODE_BLOCKS {
        let detail = format!("tile {tile} has {} code blocks", geometry.most_code_blocks);
        return Err(Flaw::unsupported(start, detail));
    }
    Ok(geometry)
}

/// The code blocks that some packet includes, with their subbands.
pub(super) fn included<'a>(
    packets: &'a PacketReader,
    geometry: &'a TileGeometry,
) -> impl Iterator<Item = (&'a CodeBlock, &'a Band)> {
    packets.blocks().iter().filter_map(|block| {
        let included = block.passes > 0;
        let level = geometry
            .resolutions
            .get(usize::from(block.resolution))
            .filter(|_| included)?;
        Some((block, level.bands.get(usize::from(block.band))?))
    })
}

/// A code block as tier-1 takes it.
pub(super) fn coded_block<'a>(
    band: &Band,
    block: &CodeBlock,
    pieces: &'a [&'a [u8]],
) -> CodedBlock<'a> {
    let rect = band.code_block_rect(block.column, block.row);
    CodedBlock {
        width: rect.width() as usize,
        height: rect.height() as usize,
        subband: band.subband,
        pieces,
        passes: block.passes.into(),
        bit_planes: block.bit_planes.into(),
    }
}
