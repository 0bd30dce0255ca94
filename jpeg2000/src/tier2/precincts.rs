//! What the packets of a tile have said so far: the code blocks and tag trees of its precincts.

use super::geometry::{PrecinctIndex, TileGeometry};
use super::tag_tree::{self, Node};
use super::tile_part::TilePart;
use crate::rect::Rect;

/// The end of a list of pieces, and a precinct without state.
const NONE: u32 = u32::MAX;

/// A code block of a precinct that had a packet with content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeBlock {
    pub(crate) resolution: u8,
    /// Number of its subband in the resolution level.
    pub(crate) band: u8,
    /// Magnitude bit-planes that are coded, without the leading ones that are all zero.
    pub(crate) bit_planes: u8,
    /// Lblock (B.10.7.1).
    pub(super) length_bits: u8,
    /// Coding passes in all packets; 0 before the block is included.
    pub(crate) passes: u16,
    /// Column and row of the block among the blocks of its subband.
    pub(crate) column: u32,
    pub(crate) row: u32,
    first_piece: u32,
    last_piece: u32,
}

/// The bytes of a code block in one packet.
#[derive(Clone, Copy, Debug)]
struct Piece {
    part: u32,
    /// Position among the packets of the part.
    start: u32,
    length: u32,
    next: u32,
}

/// One subband of a precinct.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrecinctBand {
    /// Columns and rows of its code blocks.
    pub(super) shape: (u32, u32),
    pub(super) first_block: usize,
    /// The first node of its two tag trees: first layers, then missing bit-planes.
    pub(super) first_node: usize,
    /// Nodes of each tree.
    pub(super) nodes: usize,
}

/// The precincts of a tile. It keeps its memory from tile to tile.
#[derive(Default)]
pub(super) struct Precincts {
    pub(super) blocks: Vec<CodeBlock>,
    pub(super) nodes: Vec<Node>,
    pub(super) bands: Vec<PrecinctBand>,
    pieces: Vec<Piece>,
    /// The first of the `bands` of each precinct, or [`NONE`].
    first_bands: Vec<u32>,
}

impl Precincts {
    /// Starts a tile of so many precincts.
    pub(super) fn start(&mut self, count: u64) {
        self.blocks.clear();
        self.nodes.clear();
        self.pieces.clear();
        self.bands.clear();
        self.first_bands.clear();
        self.first_bands
            .resize(usize::try_from(count).unwrap_or(usize::MAX), NONE);
    }

    /// Makes the state of a precinct at its first packet with content. Returns the index of the
    /// first of its `bands`.
    pub(super) fn open(&mut self, geometry: &TileGeometry, precinct: PrecinctIndex) -> usize {
        let Some(resolution) = geometry.resolutions.get(usize::from(precinct.resolution)) else {
            return usize::MAX;
        };
        let number = resolution
            .first_precinct
            .saturating_add(precinct.index.into());
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(opened) = self.first_bands.get_mut(number) else {
            return usize::MAX;
        };
        if *opened != NONE {
            return *opened as usize;
        }
        let first_band = self.bands.len();
        *opened = narrow(first_band);
        let position = resolution.precinct_position(precinct.index);
        for (number, band) in (0..).zip(&resolution.bands) {
            let blocks = band.code_blocks(position);
            let shape = (blocks.width(), blocks.height());
            let nodes = tag_tree::node_count(shape.0, shape.1);
            let (first_block, first_node) = (self.blocks.len(), self.nodes.len());
            self.bands.push(PrecinctBand {
                shape,
                first_block,
                first_node,
                nodes,
            });
            self.nodes
                .resize(first_node.saturating_add(2 * nodes), Node::default());
            self.add_blocks(precinct.resolution, number, blocks);
        }
        first_band
    }

    fn add_blocks(&mut self, resolution: u8, band: u8, blocks: Rect) {
        for row in blocks.y0..blocks.y1 {
            self.blocks
                .extend((blocks.x0..blocks.x1).map(|column| CodeBlock {
                    resolution,
                    band,
                    bit_planes: 0,
                    // Lblock begins at 3 (B.10.7.1).
                    length_bits: 3,
                    passes: 0,
                    column,
                    row,
                    first_piece: NONE,
                    last_piece: NONE,
                }));
        }
    }

    /// Adds bytes to a code block. They lie at `start` among the packets of tile-part `part`.
    pub(super) fn add_piece(&mut self, block: usize, part: usize, start: usize, length: u32) {
        let Some(block) = self.blocks.get_mut(block) else {
            return;
        };
        let added = narrow(self.pieces.len());
        self.pieces.push(Piece {
            part: narrow(part),
            start: narrow(start),
            length,
            next: NONE,
        });
        match self.pieces.get_mut(block.last_piece as usize) {
            Some(last) => last.next = added,
            None => block.first_piece = added,
        }
        block.last_piece = added;
    }

    /// Puts the bytes of a code block into `pieces`, packet by packet. Returns the position of the
    /// first in the file.
    pub(super) fn pieces<'a>(
        &self,
        block: &CodeBlock,
        parts: &[TilePart<'a>],
        pieces: &mut Vec<&'a [u8]>,
    ) -> u64 {
        pieces.clear();
        let mut offset = None;
        let mut next = block.first_piece;
        while let Some(piece) = self.pieces.get(next as usize) {
            let range = piece.start as usize..(piece.start + piece.length) as usize;
            let part = parts.get(piece.part as usize);
            if let Some((part, bytes)) =
                part.and_then(|part| Some((part, part.packets.get(range)?)))
            {
                offset = offset.or(Some(part.offset.saturating_add(piece.start.into())));
                pieces.push(bytes);
            }
            next = piece.next;
        }
        offset
            .or(parts.first().map(|part| part.offset))
            .unwrap_or_default()
    }
}

/// Positions in a tile-part fit 32 bits, as its length field does. The number of pieces is smaller.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(NONE)
}
