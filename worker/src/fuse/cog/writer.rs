//! A cloud-optimised `GeoTIFF` in one pass: chunks of samples in, in any order and from many
//! threads, bytes out.
//!
//! The unit is the *chunk*: the samples of all bands in a square of [`CHUNK`] pixels. The thread
//! that brings it takes the statistics, compresses its tiles and makes its part of the overviews,
//! while the samples are in the cache. The *body*, which is all tiles of the full resolution from
//! left to right and top to bottom, goes to the [`Output`] as soon as the tiles before have come.
//! Overviews wait, compressed, for the *head*, which is known last and comes first in the file.
//!
//! The same samples give the same bytes, whatever the order of the chunks and the number of
//! threads. The layout is that of GDAL's COG driver, see "COG -- Cloud Optimized GeoTIFF generator"
//! among GDAL's raster drivers.

mod area;
mod compression;
mod error;
mod geo_tags;
mod halve;
mod head;
mod in_order;
mod lerc;
mod pyramid;
mod tiff;
mod tile;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use compression::Encoder;
use halve::halve_rows;
use head::Head;
use in_order::InOrder;
use pyramid::{Cascade, Level, Strip, Strips, TileRow};
use tile::{Pixels, Tiling};

use super::header::SampleType;
use super::output::Output;
use super::statistics::{BandStatistics, Moments};

pub use compression::{Compression, NotACompression};
pub use error::CogError;
pub use geo_tags::{GeoTags, GeoTagsError};

/// Sides of a chunk in pixels.
pub const CHUNK: u32 = 1024;

/// Sentinel-2 marks pixels without data with 0, though its files do not say so.
pub(super) const NODATA: u16 = 0;

/// Width and height of the output's tiles in pixels.
const TILE_SIZE: usize = 512;

/// Bytes of tiles that may wait for the output before threads are made to wait.
const WAITING: usize = 32 << 20;

/// Bytes that are asked for at a time for tiles of the head.
const BLOCK: usize = 8 << 20;

/// Size and type of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Three are marked as red, green and blue.
    pub bands: usize,
    /// Of all bands.
    pub sample_type: SampleType,
}

/// What is said about an image besides its pixels.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Of the bands, such as `B04`.
    pub names: Vec<String>,
    /// Items of the image as a whole; those named `TIFFTAG_…` become tags. Keys need no escaping:
    /// letters, digits, `_-.`.
    pub metadata: Vec<(String, String)>,
    /// Where it lies.
    pub georeference: GeoTags,
}

/// What there is at the end besides the body.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The bytes in front of the body, a multiple of 4096, in pieces.
    pub head: Vec<Bytes>,
    /// Length of what the output has received.
    pub body_bytes: u64,
    /// In the order of the bands.
    pub statistics: Vec<BandStatistics>,
    /// Factors of the overviews, smallest first: 2 to 32 for an image of at least 32 pixels a side.
    pub overviews: Vec<u32>,
}

/// What one thread makes chunk after chunk with.
#[derive(Default)]
pub struct ChunkScratch {
    encoder: Option<Encoder>,
    /// A row of an overview.
    line: Vec<u16>,
}

impl ChunkScratch {
    /// Without any memory yet.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Writes one image. Shared by all threads that make its chunks.
pub struct CogWriter<'a> {
    shape: Shape,
    compression: Compression,
    tiling: Tiling,
    levels: Vec<Level>,
    /// Levels after the first that are made in chunks.
    in_chunks: usize,
    chunks: (u32, u32),
    output: &'a dyn Output,
    body: InOrder<Bytes>,
    progress: Mutex<Progress>,
    /// Whether there are levels beyond those that are made in chunks.
    has_cascade: bool,
    strips: Mutex<Strips>,
    feed: InOrder<Strip>,
    cascade: Mutex<Cascade>,
    failed: AtomicBool,
}

/// What has been made so far.
struct Progress {
    /// Chunks that have come, row by row.
    seen: Vec<bool>,
    moments: Vec<Moments>,
    /// Encoded sizes of the tiles of the full resolution.
    sizes: Vec<u32>,
    /// Encoded tiles of the overviews, for each of them.
    overviews: Vec<Vec<Bytes>>,
    /// Where the next of them goes.
    block: BytesMut,
}

impl Progress {
    /// A tile for the head, beside others of its kind: between tiles of the body, which come and
    /// go, those that stay would leave holes that nothing fits into.
    fn keep(&mut self, tile: &[u8]) -> Bytes {
        if self.block.capacity() < tile.len() {
            self.block = BytesMut::with_capacity(BLOCK.max(tile.len()));
        }
        self.block.extend_from_slice(tile);
        self.block.split().freeze()
    }
}

impl<'a> CogWriter<'a> {
    /// For an image of this shape. The output receives the body while chunks come in.
    pub fn new(shape: Shape, compression: Compression, output: &'a dyn Output) -> Self {
        let levels = pyramid::levels(&shape);
        let size = tile_size(&levels);
        let tiling = Tiling {
            size,
            bands: shape.bands,
            sample_type: shape.sample_type,
        };
        let in_chunks = pyramid::in_chunks(&levels);
        let chunks = (shape.width.div_ceil(CHUNK), shape.height.div_ceil(CHUNK));
        let tiles = |level: &Level| {
            let (across, down) = level.tiles(size);
            across.saturating_mul(down)
        };
        let mut counts = levels.iter().map(tiles);
        let progress = Progress {
            seen: vec![false; (chunks.0 as usize).saturating_mul(chunks.1 as usize)],
            moments: vec![Moments::default(); shape.bands],
            sizes: vec![0; counts.next().unwrap_or_default()],
            overviews: counts.map(|count| vec![Bytes::new(); count]).collect(),
            block: BytesMut::new(),
        };
        let source = levels.get(in_chunks).copied().unwrap_or(Level {
            factor: 1,
            width: 0,
            height: 0,
        });
        let cascade = Cascade::new(&levels, in_chunks, shape.bands, size);
        Self {
            shape,
            compression,
            tiling,
            in_chunks,
            chunks,
            output,
            has_cascade: !cascade.is_empty(),
            body: InOrder::new(WAITING),
            progress: Mutex::new(progress),
            strips: Mutex::new(Strips::new(source, shape.bands, chunks.0 as usize)),
            feed: InOrder::new(usize::MAX),
            cascade: Mutex::new(cascade),
            failed: AtomicBool::new(false),
            levels,
        }
    }

    /// Takes one chunk, counted in chunks from the upper left. Each has to come once, on any
    /// thread, in any order; the rows of chunks from top to bottom keep the memory small that tiles
    /// take while they wait for those before them.
    ///
    /// `planes` are the samples of each band, 16 bits wide whatever the sample type. They are as
    /// wide and high as the chunk is, which is less than [`CHUNK`] at the right and at the bottom,
    /// and of no meaning afterwards: overviews are made in their place. May block as long as the
    /// output does.
    ///
    /// # Errors
    /// See [`CogError`]. After one, every call fails.
    pub fn chunk(
        &self,
        column: u32,
        row: u32,
        planes: &mut [Vec<u16>],
        scratch: &mut ChunkScratch,
    ) -> Result<(), CogError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(CogError::Abandoned);
        }
        let result = self.take(column, row, planes, scratch);
        if let Some(encoder) = &mut scratch.encoder {
            encoder.clear_away();
        }
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }

    fn take(
        &self,
        column: u32,
        row: u32,
        planes: &mut [Vec<u16>],
        scratch: &mut ChunkScratch,
    ) -> Result<(), CogError> {
        let (mut width, mut height) = self.admit(column, row, planes)?;
        let ChunkScratch { encoder, line } = scratch;
        let encoder = match encoder {
            Some(encoder) if encoder.compression() == self.compression => encoder,
            _ => encoder.insert(Encoder::new(self.compression)?),
        };
        let moments: Vec<_> = planes.iter().map(|plane| Moments::of(plane)).collect();
        for (sum, moments) in lock(&self.progress).moments.iter_mut().zip(&moments) {
            sum.add(moments);
        }
        self.tiles_of_chunk((column, row), 0, (width, height), planes, encoder)?;

        for level in 1..=self.in_chunks {
            for plane in &mut *planes {
                halve_in_place(plane, (width, height), line);
            }
            (width, height) = (width / 2, height / 2);
            if level == 1 {
                self.tiles_of_chunk((column, row), level, (width, height), planes, encoder)?;
            }
        }
        if !self.has_cascade {
            return Ok(());
        }
        let strip =
            lock(&self.strips).add(column, row, &tops(planes, width.saturating_mul(height)));
        let Some(strip) = strip else { return Ok(()) };
        self.feed.put(row as usize, strip, 0, |strip| {
            lock(&self.cascade).push(strip, &mut |tiles| self.tiles_of_row(&tiles, encoder))
        })
    }

    /// The head, once all chunks have come.
    ///
    /// # Errors
    /// See [`CogError`].
    pub fn finish(self, description: &Description) -> Result<Finished, CogError> {
        if self
            .levels
            .iter()
            .any(|level| level.width == 0 || level.height == 0)
            || self.shape.bands == 0
        {
            return Err(CogError::Unwritable {
                what: "the image".into(),
                detail: "it has no pixels".into(),
            });
        }
        let progress = self
            .progress
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(missing) = progress.seen.iter().position(|&seen| !seen) {
            let missing = u32::try_from(missing).unwrap_or(u32::MAX);
            let (column, row) = (missing % self.chunks.0, missing / self.chunks.0);
            return Err(CogError::Chunk {
                column,
                row,
                detail: "has not come".into(),
            });
        }
        let written = self.body.reached();
        let complete = progress
            .overviews
            .iter()
            .flatten()
            .all(|tile| !tile.is_empty());
        if written != progress.sizes.len() || !complete {
            // A call that failed has left a gap.
            return Err(CogError::Abandoned);
        }
        let statistics: Vec<_> = progress.moments.iter().map(Moments::statistics).collect();
        let head = Head {
            tiling: self.tiling,
            compression: self.compression,
            levels: &self.levels,
            overviews: &progress.overviews,
            body: &progress.sizes,
            description,
            statistics: &statistics,
        };
        Ok(Finished {
            head: head.pieces()?,
            body_bytes: head.body_bytes(),
            overviews: self
                .levels
                .iter()
                .skip(1)
                .map(|level| level.factor)
                .collect(),
            statistics,
        })
    }

    /// Width and height of a chunk that may come.
    fn admit(
        &self,
        column: u32,
        row: u32,
        planes: &[Vec<u16>],
    ) -> Result<(usize, usize), CogError> {
        let wrong = |detail: &str| CogError::Chunk {
            column,
            row,
            detail: detail.into(),
        };
        if column >= self.chunks.0 || row >= self.chunks.1 {
            return Err(wrong("lies outside of the image"));
        }
        let side = |side: u32, index: u32| {
            side.saturating_sub(index.saturating_mul(CHUNK)).min(CHUNK) as usize
        };
        let (width, height) = (side(self.shape.width, column), side(self.shape.height, row));
        let (expected, bands) = (width.saturating_mul(height), self.shape.bands);
        if planes.len() != bands {
            return Err(wrong(&format!(
                "has {} bands instead of {bands}",
                planes.len()
            )));
        }
        if let Some(plane) = planes
            .iter()
            .find(|plane| plane.len() != expected || plane.is_empty())
        {
            return Err(wrong(&format!(
                "has {} samples instead of {expected} in a band",
                plane.len()
            )));
        }
        let index = (row as usize)
            .saturating_mul(self.chunks.0 as usize)
            .saturating_add(column as usize);
        match lock(&self.progress).seen.get_mut(index) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(wrong("came twice")),
        }
        Ok((width, height))
    }

    /// Encodes the tiles of a level that lie in a chunk, whose size at that level this is.
    fn tiles_of_chunk(
        &self,
        chunk: (u32, u32),
        level: usize,
        (width, height): (usize, usize),
        planes: &[Vec<u16>],
        encoder: &mut Encoder,
    ) -> Result<(), CogError> {
        let size = self.tiling.size;
        let planes = tops(planes, width.saturating_mul(height));
        let tiles = (CHUNK as usize >> level) / size;
        let origin = (
            tiles.saturating_mul(chunk.0 as usize),
            tiles.saturating_mul(chunk.1 as usize),
        );
        for y in 0..height.div_ceil(size) {
            for x in 0..width.div_ceil(size) {
                let corner = (x.saturating_mul(size), y.saturating_mul(size));
                let pixels = Pixels {
                    planes: &planes,
                    bands: self.shape.bands,
                    block_rows: height,
                    row_stride: width,
                    origin: corner,
                    width: width.saturating_sub(corner.0).min(size),
                    height: height.saturating_sub(corner.1).min(size),
                };
                let tile = (origin.0.saturating_add(x), origin.1.saturating_add(y));
                self.tile(level, tile, &pixels, encoder)?;
            }
        }
        Ok(())
    }

    fn tiles_of_row<'t>(&self, tiles: &TileRow<'t>, encoder: &mut Encoder) -> Result<(), CogError> {
        let size = self.tiling.size;
        let width = self.levels.get(tiles.level).map_or(0, |level| level.width);
        let bands = self.shape.bands;
        let row_stride = width.saturating_mul(bands);
        let rows = |strip: &&[u16]| strip.len() / row_stride.max(1);
        let bands_of = |strip: &&'t [u16]| {
            let strip = *strip;
            (0..bands).map(move |band| strip.get(band.saturating_mul(width)..).unwrap_or_default())
        };
        let planes: Vec<_> = tiles.strips.iter().flat_map(bands_of).collect();
        for x in 0..width.div_ceil(size) {
            let left = x.saturating_mul(size);
            let pixels = Pixels {
                planes: &planes,
                bands,
                block_rows: tiles.strips.first().map_or(0, rows),
                row_stride,
                origin: (left, 0),
                width: width.saturating_sub(left).min(size),
                height: tiles.strips.iter().map(rows).sum(),
            };
            self.tile(tiles.level, (x, tiles.index), &pixels, encoder)?;
        }
        Ok(())
    }

    /// Encodes a tile and puts it where it belongs.
    fn tile(
        &self,
        level: usize,
        (x, y): (usize, usize),
        pixels: &Pixels<'_>,
        encoder: &mut Encoder,
    ) -> Result<(), CogError> {
        let tile = encoder.encode(self.tiling, pixels)?;
        let across = self
            .levels
            .get(level)
            .map_or(0, |level| level.tiles(self.tiling.size).0);
        let index = y.saturating_mul(across).saturating_add(x);
        let mut progress = lock(&self.progress);
        let Some(overview) = level.checked_sub(1) else {
            if let Some(size) = progress.sizes.get_mut(index) {
                *size = u32::try_from(tile.len()).unwrap_or(u32::MAX);
            }
            drop(progress);
            let tile = Bytes::copy_from_slice(tile);
            let bytes = tile.len();
            return self.body.put(index, tile, bytes, |tile| {
                self.output.body(tile).map_err(CogError::Output)
            });
        };
        let kept = progress.keep(tile);
        if let Some(place) = progress
            .overviews
            .get_mut(overview)
            .and_then(|tiles| tiles.get_mut(index))
        {
            *place = kept;
        }
        Ok(())
    }
}

/// Halves a band with even sides. The result takes the first quarter of it: row after row it comes
/// to stand before the rows that it is made of, or where these were.
fn halve_in_place(plane: &mut [u16], (width, height): (usize, usize), line: &mut Vec<u16>) {
    let half = width / 2;
    line.resize(half, 0);
    for row in 0..height / 2 {
        let start = row.saturating_mul(2).saturating_mul(width);
        let rows = plane
            .get(start..start.saturating_add(width.saturating_mul(2)))
            .unwrap_or_default();
        let (top, bottom) = rows.split_at(rows.len() / 2);
        halve_rows(top, bottom, line);
        let target = row.saturating_mul(half);
        if let Some(target) = plane.get_mut(target..target.saturating_add(half)) {
            target.copy_from_slice(line);
        }
    }
}

/// The first so many samples of each band.
fn tops(planes: &[Vec<u16>], samples: usize) -> Vec<&[u16]> {
    planes
        .iter()
        .map(|plane| plane.get(..samples).unwrap_or_default())
        .collect()
}

/// Validators take a raster for untiled if it is exactly as wide as its tiles, and object to that
/// where it is higher than 512. So one that comes out this wide, at any level, gets half the tile
/// size.
fn tile_size(levels: &[Level]) -> usize {
    let looks_untiled = |level: &Level| level.width == TILE_SIZE && level.height > TILE_SIZE;
    if levels.iter().any(looks_untiled) {
        TILE_SIZE / 2
    } else {
        TILE_SIZE
    }
}

/// What the locks guard is changed in single steps, so that a thread that panicked has not left it
/// half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
