//! The packets of a tile: which code block gets which bytes (ISO/IEC 15444-1 B.9, B.10 and A.8).

use crate::codestream::cod::CodingStyle;
use crate::codestream::marker::{EPH, SOP};
use crate::error::{Error, Flaw};
use crate::rect::Rect;
use crate::tier2::geometry::{Grid, PrecinctIndex};
use crate::tier2::header_bits::{BitsFlaw, HeaderBits};
use crate::tier2::tag_tree::{self, Node};

/// End of a list of pieces.
const NONE: u32 = u32::MAX;

/// Packets between two questions whether to stop.
const PACKETS_AT_ONCE: u32 = 64;

/// The tile-parts of a tile, without their headers.
pub(crate) struct TilePart<'a> {
    /// Of the first packet, in the file.
    pub(crate) offset: u64,
    pub(crate) packets: &'a [u8],
    /// From PLT marker segments.
    pub(crate) lengths: Option<Vec<u32>>,
}

/// A code block of a precinct in which anything was ever coded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) resolution: u8,
    /// In the resolution level.
    pub(crate) band: u8,
    /// Magnitude bit-planes that are coded, after those that are all zero.
    pub(crate) planes: u8,
    /// Lblock (B.10.7.1).
    length_bits: u8,
    /// Coding passes in all packets; 0 for a block that was not included yet.
    pub(crate) passes: u16,
    /// Column and row of blocks in the subband.
    pub(crate) column: u32,
    pub(crate) row: u32,
    first_piece: u32,
    last_piece: u32,
}

/// Bytes of a code block in one packet.
#[derive(Clone, Copy, Debug)]
struct CodedPiece {
    part: u32,
    start: u32,
    length: u32,
    next: u32,
}

/// One subband of a precinct.
#[derive(Clone, Copy, Debug)]
struct PrecinctBand {
    blocks: Rect,
    first_block: usize,
    /// The tree of first layers, followed by that of missing bit-planes.
    first_node: usize,
    nodes: usize,
}

/// Reads packets; keeps its memory from tile to tile.
#[derive(Default)]
pub(crate) struct Packets {
    blocks: Vec<Block>,
    nodes: Vec<Node>,
    pieces: Vec<CodedPiece>,
    bands: Vec<PrecinctBand>,
    /// First of a precinct's `bands`, or [`NONE`].
    precincts: Vec<u32>,
    /// Blocks of the current packet, with their bytes.
    included: Vec<(usize, u32)>,
}

/// A flaw at a position among the packets of a tile-part.
struct PacketFlaw {
    at: usize,
    truncated: bool,
    detail: String,
}

impl PacketFlaw {
    fn new(at: usize, detail: impl Into<String>) -> Self {
        Self {
            at,
            truncated: false,
            detail: detail.into(),
        }
    }

    fn bits(at: usize, flaw: BitsFlaw) -> Self {
        match flaw {
            BitsFlaw::Cut => Self {
                at,
                truncated: true,
                detail: "a packet header is cut off".into(),
            },
            BitsFlaw::NotStuffed => Self::new(at, "a packet header holds a marker"),
        }
    }
}

impl Packets {
    /// Reads all packets of a tile.
    ///
    /// # Errors
    /// The first flaw, or that the caller wants to stop.
    pub(crate) fn read(
        &mut self,
        grid: &Grid,
        coding: &CodingStyle,
        parts: &[TilePart<'_>],
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        self.blocks.clear();
        self.nodes.clear();
        self.pieces.clear();
        self.bands.clear();
        self.precincts.clear();

        let end = parts.last().map_or(0, |part| {
            part.offset.saturating_add(part.packets.len() as u64)
        });
        let available: u64 = parts.iter().map(|part| part.packets.len() as u64).sum();
        let expected = grid.precincts.saturating_mul(coding.layers.into());
        // Even an empty packet has a byte (B.10.3). This also bounds what is allocated per
        // precinct.
        if expected > available {
            let detail = format!("the tile has {available} bytes for {expected} packets");
            return Err(Flaw::truncated(end, detail).into());
        }
        self.precincts
            .resize(usize::try_from(grid.precincts).unwrap_or(usize::MAX), NONE);

        let mut rest = parts.iter().enumerate();
        let mut current: Option<(usize, &TilePart<'_>)> = None;
        let (mut at, mut in_part) = (0, 0);
        let mut number = 0_u32;
        for (layer, precinct) in grid.packets(coding.progression, coding.layers) {
            if number.is_multiple_of(PACKETS_AT_ONCE) && stop() {
                return Err(Error::Stopped);
            }
            // A packet never goes on in another tile-part, so a part ends where a packet does
            // (A.4.2).
            while current.is_none_or(|(_, part)| at == part.packets.len()) {
                if let Some((_, part)) = current {
                    check_count(part, in_part)?;
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
            let marked = coding.sop
                && part
                    .packets
                    .get(at..)
                    .is_some_and(|rest| rest.starts_with(&SOP.to_be_bytes()));
            at = self
                .packet(
                    grid,
                    coding,
                    (layer, precinct),
                    (index, part.packets, at),
                    marked.then_some(number),
                )
                .map_err(|flaw| flaw_in(part, flaw))?;
            check_length(part, in_part, start..at, marked).map_err(|flaw| flaw_in(part, flaw))?;
            number = number.wrapping_add(1);
            in_part += 1;
        }
        if let Some((_, part)) = current {
            if at != part.packets.len() {
                let detail = format!(
                    "{} bytes follow the last packet of the tile",
                    part.packets.len() - at
                );
                return Err(flaw_in(part, PacketFlaw::new(at, detail)).into());
            }
            check_count(part, in_part)?;
        }
        for (_, part) in rest {
            if !part.packets.is_empty() {
                return Err(flaw_in(
                    part,
                    PacketFlaw::new(0, "a tile-part follows the last packet of the tile"),
                )
                .into());
            }
            check_count(part, 0)?;
        }
        Ok(())
    }

    /// The code blocks of all precincts that have any bytes, some of which may not have been
    /// included.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The bytes of a code block, packet by packet, put into `pieces`; returns the offset in the
    /// file of the first.
    pub(crate) fn pieces<'a>(
        &self,
        block: &Block,
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

    /// Reads the packet at `at`; returns where it ends. `sop` is the number of the packet if it
    /// begins with SOP.
    fn packet(
        &mut self,
        grid: &Grid,
        coding: &CodingStyle,
        (layer, precinct): (u16, PrecinctIndex),
        (part, data, mut at): (usize, &[u8], usize),
        sop: Option<u32>,
    ) -> Result<usize, PacketFlaw> {
        if let Some(number) = sop {
            check_sop(data, at, number)?;
            at += 6;
        }
        let start = at;
        let mut bits = HeaderBits::new(data, at);
        self.included.clear();
        if bits.bit().map_err(|flaw| PacketFlaw::bits(start, flaw))? {
            self.header(grid, (layer, precinct), &mut bits, start)?;
        }
        at = bits
            .finish()
            .map_err(|flaw| PacketFlaw::bits(start, flaw))?;
        if coding.eph {
            if !data
                .get(at..)
                .is_some_and(|rest| rest.starts_with(&EPH.to_be_bytes()))
            {
                return Err(PacketFlaw::new(at, "no EPH marker ends the packet header"));
            }
            at += 2;
        }
        for &(block, length) in &self.included {
            let end = usize::try_from(length)
                .ok()
                .and_then(|length| at.checked_add(length));
            let Some(bytes) = end.and_then(|end| data.get(at..end)) else {
                let detail = format!(
                    "a packet has {length} bytes for a code block, {} are there",
                    data.len() - at
                );
                return Err(PacketFlaw::new(start, detail));
            };
            if length > 0 {
                let piece = CodedPiece {
                    part: narrow(part),
                    start: narrow(at),
                    length,
                    next: NONE,
                };
                let this = narrow(self.pieces.len());
                self.pieces.push(piece);
                let Some(block) = self.blocks.get_mut(block) else {
                    continue;
                };
                match self.pieces.get_mut(block.last_piece as usize) {
                    Some(last) => last.next = this,
                    None => block.first_piece = this,
                }
                block.last_piece = this;
            }
            at += bytes.len();
        }
        Ok(at)
    }

    /// Reads the header of a packet that is not empty (B.10.4 to B.10.7).
    fn header(
        &mut self,
        grid: &Grid,
        (layer, precinct): (u16, PrecinctIndex),
        bits: &mut HeaderBits<'_>,
        start: usize,
    ) -> Result<(), PacketFlaw> {
        let Some(resolution) = grid.resolutions.get(usize::from(precinct.resolution)) else {
            return Ok(());
        };
        let first_band = self.opened(grid, precinct);
        for (band, place) in resolution.bands.iter().zip(first_band..) {
            let Some(&PrecinctBand {
                blocks,
                first_block,
                first_node,
                nodes,
            }) = self.bands.get(place)
            else {
                break;
            };
            let shape = (blocks.width(), blocks.height());
            let mut index = first_block;
            let trees = self
                .nodes
                .get_mut(first_node..first_node + 2 * nodes)
                .unwrap_or_default();
            let (inclusion, missing) = trees.split_at_mut(nodes);
            for row in 0..shape.1 {
                for column in 0..shape.0 {
                    let Some(block) = self.blocks.get_mut(index) else {
                        break;
                    };
                    let leaf = (column, row);
                    let length = included(
                        block,
                        (layer, band.planes),
                        (inclusion, missing),
                        (shape, leaf),
                        bits,
                    )
                    .map_err(|flaw| match flaw {
                        BlockHeaderFlaw::Bits(flaw) => PacketFlaw::bits(start, flaw),
                        BlockHeaderFlaw::Value(detail) => PacketFlaw::new(start, detail),
                    })?;
                    if let Some(length) = length {
                        self.included.push((index, length));
                    }
                    index += 1;
                }
            }
        }
        Ok(())
    }

    /// Makes the state of a precinct at its first packet that is not empty. Returns the first of
    /// its `bands`.
    fn opened(&mut self, grid: &Grid, precinct: PrecinctIndex) -> usize {
        let Some(resolution) = grid.resolutions.get(usize::from(precinct.resolution)) else {
            return usize::MAX;
        };
        let number = resolution
            .first_precinct
            .saturating_add(precinct.index.into());
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(opened) = self.precincts.get_mut(number) else {
            return usize::MAX;
        };
        if *opened != NONE {
            return *opened as usize;
        }
        let first_band = self.bands.len();
        *opened = narrow(first_band);
        let position = resolution.precinct_position(precinct.index);
        for (number, band) in (0..).zip(&resolution.bands) {
            let blocks = band.blocks(position);
            let nodes = tag_tree::node_count(blocks.width(), blocks.height());
            let (first_block, first_node) = (self.blocks.len(), self.nodes.len());
            self.bands.push(PrecinctBand {
                blocks,
                first_block,
                first_node,
                nodes,
            });
            self.nodes
                .resize(first_node.saturating_add(2 * nodes), Node::default());
            for row in blocks.y0..blocks.y1 {
                self.blocks
                    .extend((blocks.x0..blocks.x1).map(|column| Block {
                        resolution: precinct.resolution,
                        band: number,
                        planes: 0,
                        // B.10.7.1.
                        length_bits: 3,
                        passes: 0,
                        column,
                        row,
                        first_piece: NONE,
                        last_piece: NONE,
                    }));
            }
        }
        first_band
    }
}

enum BlockHeaderFlaw {
    Bits(BitsFlaw),
    Value(String),
}

impl From<BitsFlaw> for BlockHeaderFlaw {
    fn from(flaw: BitsFlaw) -> Self {
        Self::Bits(flaw)
    }
}

/// Reads what a packet header says of one code block; returns the number of its bytes if it is
/// included.
fn included(
    block: &mut Block,
    (layer, band_planes): (u16, u8),
    (inclusion, missing): (&mut [Node], &mut [Node]),
    (shape, leaf): ((u32, u32), (u32, u32)),
    bits: &mut HeaderBits<'_>,
) -> Result<Option<u32>, BlockHeaderFlaw> {
    // A block that was included before has a bit of its own, others share the tree (B.10.4).
    let first = block.passes == 0;
    let is_included = if first {
        tag_tree::is_less(inclusion, shape, leaf, layer.saturating_add(1), bits)?
    } else {
        bits.bit()?
    };
    if !is_included {
        return Ok(None);
    }
    if first {
        // B.10.5.
        let mut zero = 0;
        while !tag_tree::is_less(missing, shape, leaf, u16::from(zero) + 1, bits)? {
            zero += 1;
            if zero >= band_planes {
                let detail =
                    format!("a code block lacks all {band_planes} bit-planes and is included");
                return Err(BlockHeaderFlaw::Value(detail));
            }
        }
        block.planes = band_planes.saturating_sub(zero);
    }
    let passes = bits.passes()?;
    // The first bit-plane has one pass, the others three (D.3).
    let most = (3 * u32::from(block.planes)).saturating_sub(2);
    let all = u32::from(block.passes) + passes;
    if all > most {
        let detail = format!(
            "a code block of {} bit-planes has {all} passes",
            block.planes
        );
        return Err(BlockHeaderFlaw::Value(detail));
    }
    block.passes = u16::try_from(all).unwrap_or(u16::MAX);
    while bits.bit()? {
        block.length_bits += 1;
        if block.length_bits > 32 {
            return Err(BlockHeaderFlaw::Value(
                "the length of a code block has more than 32 bits".into(),
            ));
        }
    }
    let length_bits = u32::from(block.length_bits) + passes.ilog2();
    if length_bits > 32 {
        return Err(BlockHeaderFlaw::Value(format!(
            "the length of a code block has {length_bits} bits"
        )));
    }
    Ok(Some(bits.number(length_bits)?))
}

/// The SOP marker segment counts the packets of the tile (A.8.1).
fn check_sop(data: &[u8], at: usize, number: u32) -> Result<(), PacketFlaw> {
    let expected = (number & 0xffff).to_be_bytes();
    match data.get(at + 2..at + 6) {
        Some(&[0, 4, high, low]) if [high, low] == expected[2..] => Ok(()),
        Some(&[0, 4, high, low]) => {
            let found = u16::from_be_bytes([high, low]);
            let detail = format!("SOP {found} stands where SOP {} should", number & 0xffff);
            Err(PacketFlaw::new(at, detail))
        }
        _ => Err(PacketFlaw::new(at, "SOP does not have 2 bytes of content")),
    }
}

/// The packet must be as long as PLT says (A.7.3).
fn check_length(
    part: &TilePart<'_>,
    index: usize,
    packet: std::ops::Range<usize>,
    sop: bool,
) -> Result<(), PacketFlaw> {
    let Some(lengths) = &part.lengths else {
        return Ok(());
    };
    let Some(&listed) = lengths.get(index) else {
        return Err(PacketFlaw::new(
            packet.start,
            format!("PLT lists {} packets, more follow", lengths.len()),
        ));
    };
    let length = packet.len();
    // Writers differ in whether the 6 bytes of an SOP marker segment count as part of its packet.
    let listed = listed as usize;
    if listed == length || (sop && listed + 6 == length) {
        return Ok(());
    }
    let detail = format!("a packet has {length} bytes, of which PLT lists {listed}");
    Err(PacketFlaw::new(packet.start, detail))
}

/// The tile-part must have as many packets as PLT says.
fn check_count(part: &TilePart<'_>, packets: usize) -> Result<(), Flaw> {
    match &part.lengths {
        Some(lengths) if lengths.len() != packets => {
            let detail = format!("PLT lists {} packets, {packets} are there", lengths.len());
            Err(flaw_in(part, PacketFlaw::new(part.packets.len(), detail)))
        }
        _ => Ok(()),
    }
}

fn flaw_in(part: &TilePart<'_>, flaw: PacketFlaw) -> Flaw {
    let offset = part.offset.saturating_add(flaw.at as u64);
    if flaw.truncated {
        Flaw::truncated(offset, flaw.detail)
    } else {
        Flaw::malformed(offset, flaw.detail)
    }
}

/// Positions in a tile-part fit, because its length field has 32 bits; counts of pieces are bounded
/// by them.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(NONE)
}
