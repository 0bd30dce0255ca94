//! The main header of a codestream (A.3).

use std::ops::Range;

use super::cod::CodingStyle;
use super::coding::Coding;
use super::marker::{COD, MarkerSegment, QCD, SIZ, SOC, SOT, TLM, outside_profile};
use super::qcd::Quantization;
use super::siz::ImageSize;
use super::tlm::{ListedPart, TilePartLengths};
use crate::error::{Error, Flaw};
use crate::read::BufferedReader;

/// Samples of the largest tile inside the profile. A whole Sentinel-2 band fits.
const LARGEST_TILE: u64 = 1 << 27;

/// What the main header says: everything in front of the first tile-part.
#[derive(Debug)]
pub(crate) struct MainHeader {
    pub(crate) size: ImageSize,
    pub(crate) coding: Coding,
    /// Why the image is outside the profile, if it is.
    pub(crate) outside_profile: Option<String>,
    /// Whether each packet is in one piece and in its place. Marker segments outside the profile
    /// may move packets or their headers.
    pub(crate) packets_in_place: bool,
    /// The tile-parts in the order of the codestream, where TLM marker segments list them.
    pub(crate) listed_parts: Vec<ListedPart>,
    /// From SOC up to the first SOT, in bytes of the file.
    pub(crate) range: Range<u64>,
}

impl MainHeader {
    /// Reads the main header of the codestream that begins at `start` and ends where the reader
    /// does.
    pub(crate) fn read(reader: &mut BufferedReader<'_>, start: u64) -> Result<Self, Error> {
        let end = reader.end();
        let cut = || Flaw::truncated(end, "the codestream ends in its main header");
        // SOC and SIZ come first.
        if reader.u16(start)?.ok_or_else(cut)? != SOC {
            return Err(Flaw::malformed(start, "the codestream does not begin with SOC").into());
        }
        let first = MarkerSegment::read(reader, start.saturating_add(2))?;
        if first.marker != SIZ {
            let detail = "the codestream does not begin with SOC and SIZ";
            return Err(Flaw::malformed(first.offset, detail).into());
        }
        let size = ImageSize::read(&first)?;
        // The other segments come in any order, up to the first SOT.
        let mut at = first.next;
        let (mut style, mut quantization, mut outside) = (None, None, None);
        let mut lengths = Vec::new();
        while reader.u16(at)?.ok_or_else(cut)? != SOT {
            let next = MarkerSegment::read(reader, at)?;
            let repeated =
                |what: &str| Flaw::malformed(at, format!("the main header has a second {what}"));
            match next.marker {
                SIZ => return Err(repeated("SIZ").into()),
                COD if style.is_some() => return Err(repeated("COD").into()),
                COD => style = Some(CodingStyle::read(&next)?),
                QCD if quantization.is_some() => return Err(repeated("QCD").into()),
                QCD => quantization = Some(Quantization::read(&next)?),
                TLM => lengths.push(TilePartLengths::read(&next)?),
                marker => outside = outside.or(outside_profile(marker)),
            }
            at = next.next;
        }
        // Check that the segments fit each other, and whether they are inside the profile.
        let (Some(style), Some(quantization)) = (style, quantization) else {
            return Err(Flaw::malformed(at, "the main header lacks COD or QCD").into());
        };
        let coding = Coding {
            style,
            quantization,
        };
        if let Some(detail) = coding.contradiction(size.component_count()) {
            let detail = format!("the main header names {detail}");
            return Err(Flaw::malformed(start, detail).into());
        }
        let outside_profile = size_outside_profile(&size)
            .or_else(|| outside.map(str::to_owned))
            .or_else(|| coding.outside_profile());
        let listed_parts = TilePartLengths::joined(lengths)?;
        Ok(Self {
            size,
            coding,
            outside_profile,
            packets_in_place: outside.is_none(),
            listed_parts,
            range: start..at,
        })
    }
}

/// Why the sizes or samples are outside the profile, if they are.
fn size_outside_profile(size: &ImageSize) -> Option<String> {
    if size.component_count() != 1 {
        return Some(format!("{} components", size.component_count()));
    }
    if size.is_subsampled() {
        return Some("a subsampled component".into());
    }
    if size.is_signed() || size.bits() > 16 {
        let sign = if size.is_signed() {
            "signed"
        } else {
            "unsigned"
        };
        return Some(format!("{sign} samples of {} bits", size.bits()));
    }
    // Only tiles at the edges of the image are smaller than the others. So the largest tile is one
    // of the first two of the first two rows.
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
