//! Decoding a tile: from its tile-parts to its samples.

use bytes::Bytes;

use super::code_blocks::{coded_block, divide, included};
use super::headers::{read_headers, start_of};
use super::samples::{Coverage, Samples};
use super::truncated_passes::TruncatedPasses;
use crate::error::{Error, Flaw};
use crate::file::Image;
use crate::tier1::BlockDecoder;
use crate::tier2::{Band, PacketReader, TileGeometry, TilePart};
use crate::wavelet::{InverseTransform, Subbands, lifting};

/// Rows of the wavelet between two calls of `stop`.
const ROWS_PER_STOP: usize = 16;

/// Decodes tiles. It keeps its memory from one tile to the next. Each thread needs its own.
pub struct TileDecoder {
    packets: PacketReader,
    block_decoder: BlockDecoder,
    /// The coefficients of all subbands.
    coefficients: Vec<i32>,
    /// The resolution level that is being made, and the one below it.
    levels: [Vec<i32>; 2],
    /// For each resolution level, which of its subbands have an included code block.
    coded: Vec<[bool; 3]>,
    transform: InverseTransform,
}

impl TileDecoder {
    /// Makes a decoder. It allocates nothing before the first tile.
    pub fn new() -> Self {
        Self {
            packets: PacketReader::default(),
            block_decoder: BlockDecoder::new(),
            coefficients: Vec::new(),
            levels: [Vec::new(), Vec::new()],
            coded: Vec::new(),
            transform: InverseTransform::default(),
        }
    }

    /// Decodes tile `tile` of `image`, and writes its samples to `out` row by row, `stride` samples
    /// apart.
    ///
    /// `parts` are the tile-parts in order: the offset in the file in bytes, and the bytes from SOT
    /// to the end of the data. [`Tiles`](crate::Tiles) finds them. The decoder calls `stop` every
    /// few milliseconds, and ends with [`Error::Stopped`] after it returned true.
    ///
    /// # Errors
    /// [`Error::Flaw`] with the first flaw. It is of kind
    /// [`Unsupported`](crate::FlawKind::Unsupported) where the image or the tile is outside the
    /// profile. In a tile that was coded without loss, a sample out of range is a flaw too. Where
    /// the writer truncated coding passes, such samples are clamped, as far as the missing bits
    /// explain them. After an error the content of `out` is unspecified.
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
        let start = start_of(parts);
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

        // Tier-2, tier-1, and the wavelet.
        let (coding, parts) = read_headers(image, tile, parts)?;
        let geometry = divide(tile, rect, &coding, start)?;
        self.packets.read(&geometry, &coding.style, &parts, stop)?;
        let coverage = self.coefficients(&geometry, &parts, image.bits(), stop)?;
        let mut samples = Samples::new(out, stride, (width, height), image.bits());
        self.samples(&geometry, &mut samples, stop)?;
        // Samples out of range are damage, unless missing passes explain them.
        let (excess, row) = samples.worst();
        if excess > coverage.tolerance(image.bits()) {
            let detail = format!(
                "row {row} of tile {tile} has samples that do not fit {} bits, so its coded data are damaged",
                image.bits()
            );
            return Err(Flaw::malformed(start, detail).into());
        }
        Ok(())
    }

    /// Decodes all code blocks. Returns how much of the coefficients they hold.
    fn coefficients(
        &mut self,
        geometry: &TileGeometry,
        parts: &[TilePart<'_>],
        bits: u8,
        stop: &dyn Fn() -> bool,
    ) -> Result<Coverage, Error> {
        // Find out which subbands have blocks, and what is missing of them.
        self.coded.clear();
        self.coded.resize(geometry.resolutions.len(), [false; 3]);
        let mut area = 0_u64;
        let mut truncated = TruncatedPasses::default();
        for (block, band) in included(&self.packets, geometry) {
            let level = self.coded.get_mut(usize::from(block.resolution));
            if let Some(coded) = level.and_then(|level| level.get_mut(usize::from(block.band))) {
                *coded = true;
            }
            area = area.saturating_add(band.code_block_rect(block.column, block.row).area());
            truncated.add(block);
        }
        if let Some(detail) = truncated.contradiction(geometry, bits) {
            return Err(
                Flaw::malformed(parts.first().map_or(0, |part| part.offset), detail).into(),
            );
        }
        let whole = geometry.samples();
        if area > 0 && self.coefficients.len() < whole {
            self.coefficients.resize(whole, 0);
        }
        let covered = usize::try_from(area).is_ok_and(|area| area == whole);
        // Blocks that no packet includes are zero. Some of them are not even listed: those of
        // precincts without content.
        let levels = geometry
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

        // Decode the blocks into their places.
        let mut pieces = Vec::new();
        for (block, band) in included(&self.packets, geometry) {
            if stop() {
                return Err(Error::Stopped);
            }
            let rect = band.code_block_rect(block.column, block.row);
            let offset = self.packets.pieces(block, parts, &mut pieces);
            let stride = band.rect.width() as usize;
            let first =
                (rect.y0 - band.rect.y0) as usize * stride + (rect.x0 - band.rect.x0) as usize;
            let coded = coded_block(band, block, &pieces);
            let out = self
                .coefficients
                .get_mut(band.storage())
                .and_then(|band| band.get_mut(first..));
            let decoded = self
                .block_decoder
                .decode(&coded, out.unwrap_or_default(), stride);
            decoded.map_err(|flaw| Flaw::malformed(offset, flaw.to_string()))?;
        }
        Ok(match (truncated.effect(), covered) {
            (None, true) => Coverage::Whole,
            (None, false) => Coverage::Included,
            (Some(effect), true) => Coverage::Lossy(effect),
            (Some(effect), false) => {
                Coverage::Lossy(effect.saturating_add(Coverage::Included.tolerance(bits)))
            }
        })
    }

    /// Transforms the coefficients to samples, one resolution level after the other.
    fn samples(
        &mut self,
        geometry: &TileGeometry,
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
        let Some((lowest, levels)) = geometry.resolutions.split_first() else {
            return Ok(());
        };
        let Some(([lowest_coded, ..], coded)) = self.coded.split_first() else {
            return Ok(());
        };
        let mut below = lowest
            .bands
            .first()
            .and_then(|band| stored(band, *lowest_coded));
        // A tile without detail, such as one of nodata, is constant if its lowest level is.
        let detailed = coded.iter().flatten().any(|&coded| coded);
        if !detailed && below.is_none_or(lifting::is_constant) {
            samples.fill(
                below
                    .and_then(|below| below.first().copied())
                    .unwrap_or_default(),
            );
            return Ok(());
        }
        let mut rows = 0_usize;
        let mut check_stop = || {
            rows = rows.wrapping_add(1);
            if rows.is_multiple_of(ROWS_PER_STOP) && stop() {
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
            // The rows of the highest level become samples, those of the others the next LL.
            if number + 1 == levels.len() {
                return self.transform.run(level.rect, subbands, |row| {
                    samples.push(&row);
                    check_stop()
                });
            }
            let length = usize::try_from(level.rect.area()).unwrap_or(usize::MAX);
            if free.len() < length {
                free.resize(length, 0);
            }
            let mut rest = free.as_mut_slice();
            self.transform.run(level.rect, subbands, |row| {
                let (out, below) =
                    std::mem::take(&mut rest).split_at_mut(level.rect.width() as usize);
                lifting::interleave(row.first, row.second, out);
                rest = below;
                check_stop()
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
