//! The tiles or strips of a TIFF, from their bytes to samples (TIFF 6.0, sections 3 and 13 to 15).
//!
//! Strict: the bytes must be those that the directory lists, and become exactly the samples that it
//! announces, checksums included where the compression has any. A larger result is not made, so no
//! tile takes more memory than it should.

use std::fmt;
use std::ops::Range;

use libdeflater::{DecompressionError, Decompressor};
use tiff::TiffError;
use tiff::decoder::IfdDecoder;
use tiff::tags::{ByteOrder, Tag};
use weezl::{BitOrder, LzwStatus};

use crate::band::Band;
use crate::error::FuseError;
use crate::grid::{Rect, TileGrid};
use crate::input::geotiff::stream::{PROFILE, explain};

/// Samples of the largest tile or strip that is read.
const LARGEST_TILE: u64 = 1 << 26;

/// Compression of the tiles (TIFF 6.0, sections 3 and 13; libtiff's `tiff.h` for what came later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    None,
    Lzw,
    Deflate,
    Zstd,
}

/// Which part of the file some tiles belong to, as messages begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Image,
    Mask,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "its",
            Self::Mask => "its mask's",
        })
    }
}

/// What a directory says about its tiles or strips.
#[derive(Debug)]
pub(crate) struct TiffTiles {
    pub(crate) grid: TileGrid,
    /// Columns and rows of a tile as it is stored, with what lies outside of the image; strips have
    /// their last rows only if their writer cared to.
    stored: (u32, u32),
    in_strips: bool,
    /// Bits of a sample. Where they are neither 8 nor 16, samples are packed, and each row begins
    /// with a byte.
    bits: u8,
    big_endian: bool,
    coding: Coding,
    /// Samples are differences to the ones to the left (section 14).
    differences: bool,
    /// Where the tiles are in the file; nothing for those that are not there, which stand for
    /// nodata (GDAL's `GTiff` driver, "Sparse files").
    ranges: Vec<Option<Range<u64>>>,
}

impl TiffTiles {
    /// Reads a directory's tags about tiles, of an image of this size and samples of 1 to 16 bits.
    pub(crate) fn read(
        band: &Band,
        part: Part,
        tags: &mut IfdDecoder<'_>,
        order: ByteOrder,
        ((width, height), bits): ((u32, u32), u8),
    ) -> Result<Self, FuseError> {
        let wrong = |error| explain(error, band);
        let unsupported = |detail: String| FuseError::Unsupported {
            input: band.into(),
            detail,
        };
        let malformed = |detail: String| FuseError::Malformed {
            input: band.into(),
            offset: 0,
            detail,
        };
        // How the tiles are compressed.
        let coding = match tags
            .find_tag_unsigned::<u16>(Tag::Compression)
            .map_err(wrong)?
            .unwrap_or(1)
        {
            1 => Coding::None,
            5 => Coding::Lzw,
            8 | 32946 => Coding::Deflate,
            50000 => Coding::Zstd,
            other => {
                return Err(unsupported(format!(
                    "{part} compression has the number {other}; {PROFILE}"
                )));
            }
        };
        let differences = match tags
            .find_tag_unsigned::<u16>(Tag::Predictor)
            .map_err(wrong)?
            .unwrap_or(1)
        {
            1 => false,
            2 if coding != Coding::None && bits.is_multiple_of(8) => true,
            other => {
                return Err(unsupported(format!(
                    "{part} predictor has the number {other}, with samples of {bits} bits"
                )));
            }
        };
        // How large they are. A strip may say that it is higher than the image.
        let mut side = |tag| tags.find_tag_unsigned::<u32>(tag).map_err(wrong);
        let tile_width = side(Tag::TileWidth)?;
        let in_strips = tile_width.is_none();
        let stored = if let Some(tile_width) = tile_width {
            (tile_width, side(Tag::TileLength)?.unwrap_or_default())
        } else {
            let rows = side(Tag::RowsPerStrip)?.unwrap_or(height);
            (width, rows.min(height))
        };
        let area = u64::from(stored.0) * u64::from(stored.1);
        if area == 0 || area > LARGEST_TILE {
            return Err(unsupported(format!(
                "{part} tiles or strips have {}x{} pixels",
                stored.0, stored.1
            )));
        }
        // Where they are.
        let (offsets, counts) = if in_strips {
            (Tag::StripOffsets, Tag::StripByteCounts)
        } else {
            (Tag::TileOffsets, Tag::TileByteCounts)
        };
        let mut list = |tag| -> Result<Vec<u64>, TiffError> {
            Ok(tags.find_tag_unsigned_vec::<u64>(tag)?.unwrap_or_default())
        };
        let (offsets, counts) = (list(offsets).map_err(wrong)?, list(counts).map_err(wrong)?);
        let tiles = u64::from(width.div_ceil(stored.0)) * u64::from(height.div_ceil(stored.1));
        // Before anything is made for each of them: a header of some bytes can announce billions.
        if offsets.len() as u64 != tiles || counts.len() as u64 != tiles {
            let (offsets, counts) = (offsets.len(), counts.len());
            let detail = format!(
                "{part} directory lists {offsets} offsets and {counts} lengths of {tiles} tiles \
                 or strips"
            );
            return Err(malformed(detail));
        }
        let raw = row_bytes(stored.0, bits).saturating_mul(stored.1.into());
        let ranges = offsets.iter().zip(&counts).enumerate();
        let ranges =
            ranges.map(|(tile, (&start, &count))| tile_range(band, tile, (start, count), raw));
        let this = Self {
            grid: TileGrid::regular(width, height, stored.0.min(width), stored.1.min(height)),
            stored,
            in_strips,
            bits,
            big_endian: order == ByteOrder::BigEndian,
            coding,
            differences,
            ranges: ranges.collect::<Result<_, _>>()?,
        };
        this.check_overlaps().map_err(malformed)?;
        Ok(this)
    }

    /// Bytes that a thread needs for a tile: those of the file, and what they are decompressed to.
    pub(crate) fn working(&self) -> u64 {
        let raw = self.raw_bytes(self.stored.1) as u64;
        most_coded(raw).saturating_add(raw)
    }

    /// Where a tile is in the file; nothing for one of nodata.
    pub(crate) fn range(&self, tile: u32) -> Option<Range<u64>> {
        self.ranges.get(tile as usize).cloned().flatten()
    }

    /// Bytes of so many stored rows.
    fn raw_bytes(&self, rows: u32) -> usize {
        // At most 2^27, see LARGEST_TILE.
        let bytes = row_bytes(self.stored.0, self.bits).saturating_mul(rows.into());
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The tiles or strips that have a part of `rect`, and what they cover.
    pub(crate) fn touched(&self, rect: Rect) -> impl Iterator<Item = (u32, Rect)> {
        let (width, height) = (self.stored.0.max(1), self.stored.1.max(1));
        let across = self.grid.width.div_ceil(width);
        let columns = rect.x / width..rect.columns().end.div_ceil(width);
        let rows = rect.y / height..rect.rows().end.div_ceil(height);
        rows.flat_map(move |row| columns.clone().map(move |column| row * across + column))
            .filter_map(|tile| Some((tile, *self.grid.tiles.get(tile as usize)?)))
    }

    /// Two tiles that share some bytes are damage; writers that store equal tiles once do it with
    /// compressed ones, and share all of them.
    fn check_overlaps(&self) -> Result<(), String> {
        let mut ranges: Vec<_> = self
            .ranges
            .iter()
            .flatten()
            .map(|range| (range.start, range.end))
            .collect();
        ranges.sort_unstable();
        let shared = |one: (u64, u64), next: (u64, u64)| {
            one.1 > next.0 && (one != next || self.coding == Coding::None)
        };
        match ranges
            .windows(2)
            .find(|pair| matches!(**pair, [one, next] if shared(one, next)))
        {
            Some(pair) => Err(format!(
                "two of its tiles or strips share the bytes {pair:?}"
            )),
            None => Ok(()),
        }
    }

    /// Turns the bytes of the tile that covers `rect` into samples, with `raw` as scratch.
    pub(crate) fn decode(
        &self,
        rect: Rect,
        coded: &[u8],
        raw: &mut Vec<u8>,
        samples: &mut [u16],
    ) -> Result<(), String> {
        // Decompress. The last strip of an image may be cut at its lower edge.
        let whole = self.raw_bytes(self.stored.1);
        let cut = if self.in_strips {
            self.raw_bytes(rect.height)
        } else {
            whole
        };
        let length = match self.coding {
            Coding::None => {
                raw.clear();
                raw.extend_from_slice(coded.get(..whole).unwrap_or(coded));
                coded.len()
            }
            coding => {
                // One more, to see that it ends where it should.
                raw.resize(whole + 1, 0);
                decompress(coding, coded, raw)?
            }
        };
        if length != whole && length != cut {
            return Err(format!(
                "it has {length} bytes, and its {}x{} samples take {cut}",
                rect.width, rect.height
            ));
        }
        // Bytes become samples, row by row.
        let row_bytes = self.raw_bytes(1);
        let rows = raw
            .chunks_exact(row_bytes)
            .zip(samples.chunks_exact_mut(rect.width as usize));
        for (row, out) in rows {
            match (self.bits, self.big_endian) {
                (8, _) => out
                    .iter_mut()
                    .zip(row)
                    .for_each(|(out, &byte)| *out = byte.into()),
                (16, big_endian) => {
                    let number = if big_endian {
                        u16::from_be_bytes
                    } else {
                        u16::from_le_bytes
                    };
                    out.iter_mut()
                        .zip(row.as_chunks().0)
                        .for_each(|(out, &bytes)| *out = number(bytes));
                }
                (bits, _) => unpack(row, bits, out),
            }
            // The horizontal predictor: each sample is stored as its difference from the one to
            // the left.
            if self.differences {
                let most = if self.bits == 8 { 0xff } else { 0xffff };
                let mut left = 0_u16;
                for sample in out {
                    left = left.wrapping_add(*sample) & most;
                    *sample = left;
                }
            }
        }
        Ok(())
    }
}

/// Bytes of a row of so many samples.
fn row_bytes(samples: u32, bits: u8) -> u64 {
    (u64::from(samples) * u64::from(bits)).div_ceil(8)
}

/// Samples that are packed without gaps, high bits first, whatever the order of bytes (TIFF 6.0,
/// section 8, `FillOrder`; libtiff and GDAL do the same).
fn unpack(row: &[u8], bits: u8, out: &mut [u16]) {
    let (bits, mut bytes) = (u32::from(bits), row.iter());
    let (mut held, mut have) = (0_u32, 0);
    for sample in out {
        while have < bits {
            held = held << 8 | bytes.next().map_or(0, |&byte| u32::from(byte));
            have += 8;
        }
        have -= bits;
        let mask = (1_u32 << bits) - 1;
        *sample = u16::try_from(held >> have & mask).unwrap_or_default();
    }
}

/// More bytes than any of the compressions makes of so many: LZW writes 12 bits for one at worst.
fn most_coded(raw: u64) -> u64 {
    raw.saturating_add(raw / 2).saturating_add(1 << 16)
}

/// Where a tile is, whose samples take `raw` bytes.
fn tile_range(
    band: &Band,
    tile: usize,
    (start, count): (u64, u64),
    raw: u64,
) -> Result<Option<Range<u64>>, FuseError> {
    let input = || band.into();
    if (start, count) == (0, 0) {
        return Ok(None);
    }
    if count == 0 || count > most_coded(raw) {
        let detail = format!("tile or strip {tile} has {count} bytes for {raw} of samples");
        return Err(FuseError::Malformed {
            input: input(),
            offset: start,
            detail,
        });
    }
    if let Some(end) = start
        .checked_add(count)
        .filter(|&end| end <= band.bytes.len())
    {
        return Ok(Some(start..end));
    }
    let detail = format!(
        "tile or strip {tile} of {count} bytes runs past byte {}",
        band.bytes.len()
    );
    Err(FuseError::Truncated {
        input: input(),
        offset: start,
        detail,
    })
}

/// Decompresses into `raw`; returns how many bytes it came to.
fn decompress(coding: Coding, coded: &[u8], raw: &mut [u8]) -> Result<usize, String> {
    match coding {
        Coding::None => Err("it is not compressed".into()),
        Coding::Deflate => Decompressor::new()
            .zlib_decompress(coded, raw)
            .map_err(|error| match error {
                DecompressionError::BadData => "its zlib stream is damaged".into(),
                DecompressionError::InsufficientSpace => {
                    "its zlib stream is longer than its samples".into()
                }
            }),
        Coding::Zstd => {
            zstd::bulk::decompress_to_buffer(coded, raw).map_err(|error| format!("zstd: {error}"))
        }
        Coding::Lzw => {
            let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
            let (mut from, mut to) = (0, 0);
            loop {
                let (coded, raw) = (
                    coded.get(from..).unwrap_or_default(),
                    raw.get_mut(to..).unwrap_or_default(),
                );
                let step = decoder.decode_bytes(coded, raw);
                (from, to) = (from + step.consumed_in, to + step.consumed_out);
                match step.status.map_err(|error| format!("LZW: {error}"))? {
                    LzwStatus::Ok if step.consumed_in + step.consumed_out > 0 => {}
                    // Some writers leave out the code for the end.
                    LzwStatus::Ok | LzwStatus::NoProgress | LzwStatus::Done => return Ok(to),
                }
            }
        }
    }
}
