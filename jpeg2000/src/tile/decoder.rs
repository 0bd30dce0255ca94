//! From the bytes of a tile to its samples.

use bytes::Bytes;

use crate::codestream::cod::{CodingStyle, Quantization};
use crate::codestream::tile_part_header::tile_part_header;
use crate::error::{Error, Flaw};
use crate::file::image::Image;
use crate::tier1::{BlockDecoder, CodedBlock};
use crate::tier2::geometry::{Band, Grid};
use crate::tier2::packets::{Block, Packets, TilePart};
use crate::tile::samples::{Coverage, Samples};
use crate::tile::truncated_passes::Dropped;
use crate::wavelet::inverse::{Subbands, Sweep};
use crate::wavelet::lifting;

/// Code blocks of the largest tile that is taken: 8192x8192 samples in the smallest blocks.
pub(crate) const MOST_BLOCKS: u64 = 1 << 22;

/// Rows of the wavelet between two questions whether to stop.
const ROWS_AT_ONCE: usize = 16;

/// Decodes tiles; keeps its memory from one to the next. One per thread.
pub struct TileDecoder {
    packets: Packets,
    block: BlockDecoder,
    /// The coefficients of all subbands.
    coefficients: Vec<i32>,
    /// The level below the one being made, and that one.
    levels: [Vec<i32>; 2],
    /// By resolution level, which of its subbands have a code block that was included.
    coded: Vec<[bool; 3]>,
    sweep: Sweep,
}

impl TileDecoder {
    /// A decoder that has allocated nothing yet.
    pub fn new() -> Self {
        Self {
            packets: Packets::default(),
            block: BlockDecoder::new(),
            coefficients: Vec::new(),
            levels: [Vec::new(), Vec::new()],
            coded: Vec::new(),
            sweep: Sweep::default(),
        }
    }

    /// Decodes tile `tile` of `image` and writes its samples row by row, `stride` samples apart, to
    /// `out`.
    ///
    /// `parts` are the tile-parts in order, each with its offset in the file and its bytes from SOT
    /// to the end of its data. `stop` is asked every few milliseconds; once it says yes, so does
    /// the error.
    ///
    /// # Errors
    /// The first flaw; then `out` may have been written to. In a tile coded without loss, a sample
    /// that needs more bits than the image has is one. Where coding passes were dropped such
    /// samples are clamped, as far as the missing bits can explain them.
    ///
    /// # Panics
    /// If `out` has no room for the tile.
    pub fn decode(
        &mut self,
        image: &Image,
        tile: u32,
        parts: &[(u64, Bytes)],
        out: &mut [u16],
        stride: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let rect = image.main.size.tile(tile);
        let (width, height) = (rect.width() as usize, rect.height() as usize);
        let room = stride
            .checked_mul(height.saturating_sub(1))
            .and_then(|rows| rows.checked_add(width));
        assert!(
            width <= stride && room.is_some_and(|room| room <= out.len()),
            "no room for the tile"
        );
        let start = parts.first().map_or(0, |part| part.0);
        if let Some(reason) = image.outside_profile() {
            return Err(Flaw::unsupported(
                image.main_header().start,
                format!("the image has {reason}"),
            )
            .into());
        }
        if rect.is_empty() || tile >= image.main.size.tiles() {
            return Err(Flaw::malformed(start, format!("tile {tile} does not exist")).into());
        }

        let (coding, quantization, parts) = headers(image, tile, parts)?;
        let grid = Grid::new(rect, &coding, &quantization);
        if grid.blocks > MOST_BLOCKS {
            return Err(Flaw::unsupported(
                start,
                format!("tile {tile} has {} code blocks", grid.blocks),
            )
            .into());
        }
        self.packets.read(&grid, &coding, &parts, stop)?;
        let coverage = self.coefficients(&grid, &parts, image.bits(), stop)?;
        let mut samples = Samples::new(out, stride, (width, height), image.bits());
        self.samples(&grid, &mut samples, stop)?;
        let (beyond, row) = samples.worst();
        if beyond > coverage.tolerance(image.bits()) {
            let detail = format!(
                "row {row} of tile {tile} has samples that do not fit {} bits, so its coded data are damaged",
                image.bits()
            );
            return Err(Flaw::malformed(start, detail).into());
        }
        Ok(())
    }

    /// Decodes all code blocks; returns how complete they are.
    fn coefficients(
        &mut self,
        grid: &Grid,
        parts: &[TilePart<'_>],
        bits: u8,
        stop: &dyn Fn() -> bool,
    ) -> Result<Coverage, Error> {
        self.coded.clear();
        self.coded.resize(grid.resolutions.len(), [false; 3]);
        let mut area = 0_u64;
        let mut dropped = Dropped::default();
        for (block, band) in self
            .packets
            .blocks()
            .iter()
            .filter_map(|block| Some((block, band_of(grid, block)?)))
        {
            let level = self.coded.get_mut(usize::from(block.resolution));
            if let Some(coded) = level.and_then(|level| level.get_mut(usize::from(block.band))) {
                *coded = true;
            }
            area = area.saturating_add(band.block(block.column, block.row).area());
            dropped.add(block);
        }
        if let Some(detail) = dropped.contradiction(grid, bits) {
            return Err(
                Flaw::malformed(parts.first().map_or(0, |part| part.offset), detail).into(),
            );
        }
        let whole = grid.samples();
        if area > 0 && self.coefficients.len() < whole {
            self.coefficients.resize(whole, 0);
        }
        let covered = usize::try_from(area).is_ok_and(|area| area == whole);
        // Blocks that were never included are zero; they are not even listed where their precinct
        // has none at all.
        let levels = grid
            .resolutions
            .iter()
            .zip(&self.coded)
            .filter(|_| !covered);
        for (band, _) in levels
            .flat_map(|(level, coded)| level.bands.iter().zip(coded))
            .filter(|(_, coded)| **coded)
        {
            self.coefficients
                .get_mut(band.storage())
                .unwrap_or_default()
                .fill(0);
        }

        let mut pieces = Vec::new();
        for (block, band) in self
            .packets
            .blocks()
            .iter()
            .filter_map(|block| Some((block, band_of(grid, block)?)))
        {
            if stop() {
                return Err(Error::Stopped);
            }
            let rect = band.block(block.column, block.row);
            let offset = self.packets.pieces(block, parts, &mut pieces);
            let stride = band.rect.width() as usize;
            let first =
                (rect.y0 - band.rect.y0) as usize * stride + (rect.x0 - band.rect.x0) as usize;
            let coded = coded_block(band, block, &pieces);
            let out = self
                .coefficients
                .get_mut(band.storage())
                .and_then(|band| band.get_mut(first..));
            let decoded = self.block.decode(&coded, out.unwrap_or_default(), stride);
            decoded.map_err(|flaw| Flaw::malformed(offset, flaw.to_string()))?;
        }
        Ok(match (dropped.effect(), covered) {
            (None, true) => Coverage::Whole,
            (None, false) => Coverage::Included,
            (Some(effect), true) => Coverage::Lossy(effect),
            (Some(effect), false) => {
                Coverage::Lossy(effect.saturating_add(Coverage::Included.tolerance(bits)))
            }
        })
    }

    /// Transforms the coefficients to samples.
    fn samples(
        &mut self,
        grid: &Grid,
        samples: &mut Samples<'_>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let stored = |band: &Band, coded: bool| {
            if coded {
                self.coefficients.get(band.storage())
            } else {
                None
            }
        };
        let Some((lowest, levels)) = grid.resolutions.split_first() else {
            return Ok(());
        };
        let Some(([lowest_coded, ..], coded)) = self.coded.split_first() else {
            return Ok(());
        };
        let mut below = lowest
            .bands
            .first()
            .and_then(|band| stored(band, *lowest_coded));
        // A tile without any detail, such as one of nodata, is as constant as its lowest level.
        let detailed = coded.iter().flatten().any(|&coded| coded);
        if !detailed && below.is_none_or(lifting::is_constant) {
            samples.fill(
                below
                    .and_then(|below| below.first().copied())
                    .unwrap_or_default(),
            );
            return Ok(());
        }
        let mut asked = 0_usize;
        let mut ask = || {
            asked = asked.wrapping_add(1);
            if asked.is_multiple_of(ROWS_AT_ONCE) && stop() {
                Err(Error::Stopped)
            } else {
                Ok(())
            }
        };
        let [mut free, mut made] = self.levels.each_mut();
        for (number, (level, coded)) in levels.iter().zip(coded).enumerate() {
            let [hl, lh, hh] = level.bands.as_slice() else {
                break;
            };
            let subbands = Subbands {
                ll: below,
                hl: stored(hl, coded[0]),
                lh: stored(lh, coded[1]),
                hh: stored(hh, coded[2]),
            };
            if number + 1 == levels.len() {
                return self.sweep.run(level.rect, subbands, |row| {
                    samples.push(&row);
                    ask()
                });
            }
            let length = usize::try_from(level.rect.area()).unwrap_or(usize::MAX);
            if free.len() < length {
                free.resize(length, 0);
            }
            let mut rest = free.as_mut_slice();
            self.sweep.run(level.rect, subbands, |row| {
                let (out, behind) =
                    std::mem::take(&mut rest).split_at_mut(level.rect.width() as usize);
                lifting::interleave(row.first, row.second, out);
                rest = behind;
                ask()
            })?;
            std::mem::swap(&mut free, &mut made);
            below = made.get(..length);
        }
        samples.copy(below.unwrap_or_default());
        Ok(())
    }
}

impl Default for TileDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// A block as its decoder takes it.
pub(crate) fn coded_block<'a>(
    band: &Band,
    block: &Block,
    pieces: &'a [&'a [u8]],
) -> CodedBlock<'a> {
    let rect = band.block(block.column, block.row);
    CodedBlock {
        width: rect.width() as usize,
        height: rect.height() as usize,
        subband: band.subband,
        pieces,
        passes: block.passes.into(),
        bit_planes: block.planes.into(),
    }
}

/// Whether and where a block has coefficients.
pub(crate) fn band_of<'a>(grid: &'a Grid, block: &Block) -> Option<&'a Band> {
    let included = block.passes > 0;
    let level = grid
        .resolutions
        .get(usize::from(block.resolution))
        .filter(|_| included)?;
    level.bands.get(usize::from(block.band))
}

/// The coding of a tile, and its tile-parts without their headers.
type Headers<'a> = (CodingStyle, Quantization, Vec<TilePart<'a>>);

/// Reads the headers of the tile-parts. What they say goes before the main header (A.6.1, A.6.4).
fn headers<'a>(image: &Image, tile: u32, parts: &'a [(u64, Bytes)]) -> Result<Headers<'a>, Error> {
    let mut coding = image.main.coding.clone();
    let mut quantization = image.main.quantization.clone();
    let mut bodies = Vec::with_capacity(parts.len());
    for (number, (offset, bytes)) in parts.iter().enumerate() {
        // Positions in a tile-part are kept in 32 bits. Only one of open length can be larger.
        if u32::try_from(bytes.len()).is_err() {
            return Err(Flaw::unsupported(*offset, "a tile-part is larger than 4 GiB").into());
        }
        let header = tile_part_header(tile, number, *offset, bytes)?;
        if let Some((offset, reason)) = header.outside_profile {
            return Err(Flaw::unsupported(offset, format!("tile {tile} uses {reason}")).into());
        }
        coding = header.coding.unwrap_or(coding);
        quantization = header.quantization.unwrap_or(quantization);
        bodies.push(TilePart {
            offset: offset.saturating_add(header.length as u64),
            packets: bytes.get(header.length..).unwrap_or_default(),
            lengths: header.packet_lengths,
        });
    }
    if let Some(detail) = coding.contradiction(&quantization, image.components()) {
        let offset = parts.first().map_or(0, |part| part.0);
        return Err(Flaw::malformed(offset, format!("tile {tile} names {detail}")).into());
    }
    let outside = coding
        .outside_profile()
        .or_else(|| quantization.outside_profile(coding.levels));
    if let Some(reason) = outside {
        let offset = parts.first().map_or(0, |part| part.0);
        return Err(Flaw::unsupported(offset, format!("tile {tile} has {reason}")).into());
    }
    Ok((coding, quantization, bodies))
}
