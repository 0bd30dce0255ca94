//! The header of a packet: which code blocks it adds to, and how much (B.10.4 to B.10.7).

use super::geometry::{PrecinctIndex, TileGeometry};
use super::header_bits::{BitsFlaw, HeaderBits};
use super::precincts::{CodeBlock, PrecinctBand, Precincts};
use super::tag_tree::{self, Node};
use super::tile_part::PacketFlaw;
use crate::tier1::pass_count;

/// What a packet adds to a code block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contribution {
    /// Index of the block among all blocks of the tile.
    pub(super) block: usize,
    /// Bytes in the body of the packet.
    pub(super) length: u32,
}

/// Reads the header of a packet with content, after its first bit. Appends its contributions to
/// `contributions`, in the order of the body. `start` is the position of the header.
pub(super) fn read_header(
    precincts: &mut Precincts,
    geometry: &TileGeometry,
    (layer, precinct): (u16, PrecinctIndex),
    bits: &mut HeaderBits<'_>,
    start: usize,
    contributions: &mut Vec<Contribution>,
) -> Result<(), PacketFlaw> {
    let Some(resolution) = geometry.resolutions.get(usize::from(precinct.resolution)) else {
        return Ok(());
    };
    let first_band = precincts.open(geometry, precinct);
    // Subband by subband, and in each code block by code block, row by row.
    for (band, index) in resolution.bands.iter().zip(first_band..) {
        let Some(&PrecinctBand {
            shape,
            first_block,
            first_node,
            nodes,
        }) = precincts.bands.get(index)
        else {
            break;
        };
        // Each subband of a precinct has a tag tree of first layers, and one of missing bit-planes.
        let trees = precincts
            .nodes
            .get_mut(first_node..first_node + 2 * nodes)
            .unwrap_or_default();
        let (inclusion, missing) = trees.split_at_mut(nodes);
        let mut index = first_block;
        for row in 0..shape.1 {
            for column in 0..shape.0 {
                let Some(block) = precincts.blocks.get_mut(index) else {
                    break;
                };
                let length = read_code_block(
                    block,
                    (layer, band.bit_planes),
                    (inclusion, missing),
                    (shape, (column, row)),
                    bits,
                )
                .map_err(|flaw| match flaw {
                    CodeBlockFlaw::Bits(flaw) => PacketFlaw::bits(start, flaw),
                    CodeBlockFlaw::Value(detail) => PacketFlaw::new(start, detail),
                })?;
                if let Some(length) = length {
                    contributions.push(Contribution {
                        block: index,
                        length,
                    });
                }
                index += 1;
            }
        }
    }
    Ok(())
}

/// What is wrong in a packet header.
enum CodeBlockFlaw {
    Bits(BitsFlaw),
    Value(String),
}

impl From<BitsFlaw> for CodeBlockFlaw {
    fn from(flaw: BitsFlaw) -> Self {
        Self::Bits(flaw)
    }
}

/// Reads what a packet header says about one code block. Returns the number of its bytes if the
/// packet adds to it.
fn read_code_block(
    block: &mut CodeBlock,
    (layer, band_bit_planes): (u16, u8),
    (inclusion, missing): (&mut [Node], &mut [Node]),
    (shape, leaf): ((u32, u32), (u32, u32)),
    bits: &mut HeaderBits<'_>,
) -> Result<Option<u32>, CodeBlockFlaw> {
    // Inclusion: a block that an earlier packet included has a bit of its own, others share a tag
    // tree (B.10.4).
    let first = block.passes == 0;
    let is_included = if first {
        tag_tree::is_less(inclusion, shape, leaf, layer.saturating_add(1), bits)?
    } else {
        bits.bit()?
    };
    if !is_included {
        return Ok(None);
    }
    // The first time, the number of missing most significant bit-planes (B.10.5).
    if first {
        let mut zero = 0;
        while !tag_tree::is_less(missing, shape, leaf, u16::from(zero) + 1, bits)? {
            zero += 1;
            if zero >= band_bit_planes {
                let detail =
                    format!("an included code block has none of its {band_bit_planes} bit-planes");
                return Err(CodeBlockFlaw::Value(detail));
            }
        }
        block.bit_planes = band_bit_planes.saturating_sub(zero);
    }
    // The number of passes (B.10.6).
    let passes = bits.passes()?;
    let most = pass_count(block.bit_planes.into());
    let all = u32::from(block.passes) + passes;
    if all > most {
        let detail = format!(
            "a code block of {} bit-planes has {all} passes, and {most} are the most",
            block.bit_planes
        );
        return Err(CodeBlockFlaw::Value(detail));
    }
    block.passes = u16::try_from(all).unwrap_or(u16::MAX);
    // The number of bytes, in Lblock bits and more for more passes (B.10.7.1).
    while bits.bit()? {
        block.length_bits += 1;
        if block.length_bits > 32 {
            return Err(CodeBlockFlaw::Value(
                "the length of a code block has more than 32 bits".into(),
            ));
        }
    }
    let length_bits = u32::from(block.length_bits) + passes.ilog2();
    if length_bits > 32 {
        return Err(CodeBlockFlaw::Value(format!(
            "the length of a code block has {length_bits} bits"
        )));
    }
    Ok(Some(bits.number(length_bits)?))
}
