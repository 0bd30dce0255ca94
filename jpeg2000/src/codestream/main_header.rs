//! The main header of a codestream (ISO/IEC 15444-1 A.3).

use std::ops::Range;

use crate::codestream::cod::{CodingStyle, Quantization};
use crate::codestream::marker::{COD, QCD, SIZ, SOC, SOT, Segment, TLM, outside_profile, segment};
use crate::codestream::siz::ImageSize;
use crate::error::{Error, Flaw};
use crate::read::buffered::{Fields, Window};

/// Samples of the largest tile that is taken: one that holds a whole Sentinel-2 band fits.
const LARGEST_TILE: u64 = 1 << 27;

/// Everything in front of the first tile-part.
#[derive(Debug)]
pub(crate) struct MainHeader {
    pub(crate) size: ImageSize,
    pub(crate) coding: CodingStyle,
    pub(crate) quantization: Quantization,
    /// Why this decoder does not take the image.
    pub(crate) outside_profile: Option<String>,
    /// Whether no marker segment is among the reasons, so that each packet is in one piece and in
    /// its place.
    pub(crate) plain: bool,
    /// The tile-parts in the order of the codestream, where TLM marker segments list them.
    pub(crate) listed_parts: Vec<ListedPart>,
    /// From SOC up to the first SOT, in the file.
    pub(crate) range: Range<u64>,
}

/// A tile-part as a TLM marker segment lists it (A.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedPart {
    /// `None` where tiles have one part each and come in order.
    pub(crate) tile: Option<u16>,
    pub(crate) length: u32,
}

/// Reads the main header of the codestream that begins at `start` and ends where the window does.
pub(crate) fn main_header(window: &mut Window<'_>, start: u64) -> Result<MainHeader, Error> {
    let end = window.end();
    let cut = || Flaw::truncated(end, "the codestream ends in its main header");
    if window.u16(start)?.ok_or_else(cut)? != SOC {
        return Err(Flaw::malformed(start, "the codestream does not begin with SOC").into());
    }
    let first = segment(window, start.saturating_add(2))?;
    if first.marker != SIZ {
        return Err(Flaw::malformed(
            first.offset,
            "the codestream does not begin with SOC and SIZ",
        )
        .into());
    }
    let size = ImageSize::read(&first)?;
    let mut at = first.next;
    let mut coding = None;
    let mut quantization = None;
    let mut outside = None;
    let mut lengths = Vec::new();
    while window.u16(at)?.ok_or_else(cut)? != SOT {
        let next = segment(window, at)?;
        let twice =
            |what: &str| Flaw::malformed(at, format!("the main header has a second {what}"));
        match next.marker {
            SIZ => return Err(twice("SIZ").into()),
            COD if coding.is_some() => return Err(twice("COD").into()),
            COD => coding = Some(CodingStyle::read(&next)?),
            QCD if quantization.is_some() => return Err(twice("QCD").into()),
            QCD => quantization = Some(Quantization::read(&next)?),
            TLM => lengths.push(TilePartLengths::read(&next)?),
            marker => outside = outside.or(outside_profile(marker)),
        }
        at = next.next;
    }
    let (Some(coding), Some(quantization)) = (coding, quantization) else {
        return Err(Flaw::malformed(at, "the main header lacks COD or QCD").into());
    };
    if let Some(detail) = coding.contradiction(&quantization, size.component_count()) {
        return Err(Flaw::malformed(start, format!("the main header names {detail}")).into());
    }
    let plain = outside.is_none();
    let outside_profile = size_outside_profile(&size)
        .or_else(|| outside.map(str::to_owned))
        .or_else(|| coding.outside_profile())
        .or_else(|| quantization.outside_profile(coding.levels));
    let listed_parts = TilePartLengths::joined(lengths)?;
    Ok(MainHeader {
        size,
        coding,
        quantization,
        outside_profile,
        plain,
        listed_parts,
        range: start..at,
    })
}

fn size_outside_profile(size: &ImageSize) -> Option<String> {
    if size.component_count() != 1 {
        return Some(format!("{} components", size.component_count()));
    }
    if size.is_subsampled() {
        return Some("a subsampled component".into());
    }
    if size.signed() || size.bits() > 16 {
        let sign = if size.signed() { "signed" } else { "unsigned" };
        return Some(format!("{sign} samples of {} bits", size.bits()));
    }
    // Only tiles at the edges are smaller than nominal, so the first ones cover every size that
    // occurs.
    let next_row = size.tiles_across;
    let largest = [0, 1, next_row, next_row.saturating_add(1)]
        .into_iter()
        .filter(|&tile| tile < size.tiles())
        .map(|tile| size.tile(tile).area())
        .max();
    largest
        .filter(|&area| area > LARGEST_TILE)
        .map(|area| format!("a tile of {area} samples"))
}

/// A TLM marker segment (A.7.1).
struct TilePartLengths {
    offset: u64,
    index: u8,
    parts: Vec<ListedPart>,
}

impl TilePartLengths {
    fn read(segment: &Segment) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("TLM: {detail}"));
        let fields = Fields(&segment.content);
        let (Some(index), Some(sizes)) = (fields.u8(0), fields.u8(1)) else {
            return Err(wrong("too short"));
        };
        let tile_bytes = match (sizes >> 4) & 3 {
            3 => return Err(wrong("tile indices of an unknown size")),
            bytes => usize::from(bytes),
        };
        let length_bytes = if sizes & 0x40 == 0 { 2 } else { 4 };
        let list = fields.from(2).unwrap_or_default();
        let entries = list.chunks_exact(tile_bytes + length_bytes);
        if !entries.remainder().is_empty() {
            return Err(wrong("its last entry is cut off"));
        }
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0_u32, |number, &byte| number << 8 | u32::from(byte))
        };
        let part = |entry: &[u8]| {
            let (tile, length) = entry.split_at(tile_bytes);
            let tile = (tile_bytes > 0).then(|| u16::try_from(number(tile)).unwrap_or(u16::MAX));
            ListedPart {
                tile,
                length: number(length),
            }
        };
        Ok(Self {
            offset: segment.offset,
            index,
            parts: entries.map(part).collect(),
        })
    }

    /// The lists of all segments, in the order of their indices.
    fn joined(mut all: Vec<Self>) -> Result<Vec<ListedPart>, Flaw> {
        all.sort_by_key(|segment| segment.index);
        let twice = all
            .windows(2)
            .find(|pair| matches!(pair, [one, next] if one.index == next.index));
        if let Some([_, second]) = twice {
            let detail = format!("there are two TLM segments {}", second.index);
            return Err(Flaw::malformed(second.offset, detail));
        }
        Ok(all.into_iter().flat_map(|segment| segment.parts).collect())
    }
}
