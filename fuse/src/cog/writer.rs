//! Writes one image.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::cog::error::CogError;
use crate::cog::file::Head;
use crate::cog::in_order::InOrder;
use crate::cog::overviews::{
    self, Cascade, Level, Mean, Overviews, Strip, Strips, TileRow, halve_in_place,
};
use crate::cog::shape::{CHUNK, Description, Finished, Shape};
use crate::cog::statistics::{Measure, Moments};
use crate::cog::tile::{Compression, Encoder, Pixels, Predictor, TileSample, Tiling};
use crate::output::Output;

/// Width and height of the output's tiles in pixels.
const TILE_SIZE: usize = 512;

/// Bytes of tiles that may wait for the output before threads are made to wait.
const WAITING: usize = 32 << 20;

/// Bytes that are allocated at a time for tiles of the head.
const BLOCK: usize = 8 << 20;

/// What one thread keeps from chunk to chunk.
#[derive(Default)]
pub struct ChunkScratch {
    encoder: Option<Encoder>,
}

impl ChunkScratch {
    /// Without any memory yet.
    pub fn new() -> Self {
        Self::default()
    }
}

/// A type of samples that a COG can have.
pub trait CogSample: Mean + Measure + TileSample {}

impl CogSample for u8 {}
impl CogSample for u16 {}
impl CogSample for i16 {}
impl CogSample for f32 {}

/// Writes one image of samples of type `T`. Shared by all threads that make its chunks.
pub struct CogWriter<'a, T> {
    shape: Shape,
    nodata: T,
    overviews: Overviews,
    compression: Compression,
    predictor: Predictor,
    tiling: Tiling,
    levels: Vec<Level>,
    /// Levels after the first that are made in chunks.
    in_chunks: usize,
    chunks: (u32, u32),
    output: &'a dyn Output,
    body: InOrder<Bytes>,
    state: Mutex<State>,
    /// Whether there are levels beyond those that are made in chunks.
    has_cascade: bool,
    strips: Mutex<Strips<T>>,
    feed: InOrder<Strip<T>>,
    cascade: Mutex<Cascade<T>>,
    failed: AtomicBool,
}

/// What has been made so far.
struct State {
    /// Chunks that have come, row by row.
    seen: Vec<bool>,
    /// Of each band the moments of its chunks, row by row: the sum of floating-point numbers depends
    /// on the order.
    moments: Vec<Vec<Option<Moments>>>,
    /// Encoded sizes of the tiles of the full resolution.
    sizes: Vec<u32>,
    /// Encoded tiles of the overviews, for each of them.
    overviews: Vec<Vec<Bytes>>,
    /// Where the next of them goes.
    block: BytesMut,
}

impl State {
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

impl<'a, T: CogSample> CogWriter<'a, T> {
    /// For an image of this shape. The output receives the body while chunks come in. Nothing if
    /// the shape is of another type of samples.
    pub fn new(
        shape: Shape,
        overviews: Overviews,
        compression: Compression,
        output: &'a dyn Output,
    ) -> Option<Self> {
        // The levels, and how each of them and the image are divided.
        let nodata = T::nodata(shape.nodata)?;
        let levels = overviews::levels(&shape);
        let size = tile_size(&levels);
        let tiling = Tiling {
            size,
            bands: shape.bands,
        };
        let in_chunks = overviews::in_chunks(&levels);
        let chunks = (shape.width.div_ceil(CHUNK), shape.height.div_ceil(CHUNK));
        let tiles = |level: &Level| {
            let (across, down) = level.tiles(size);
            across.saturating_mul(down)
        };
        // What the head needs of each chunk and each tile, to be filled in as they come.
        let mut counts = levels.iter().map(tiles);
        let count = (chunks.0 as usize).saturating_mul(chunks.1 as usize);
        let state = State {
            seen: vec![false; count],
            moments: vec![vec![None; count]; shape.bands],
            sizes: vec![0; counts.next().unwrap_or_default()],
            overviews: counts.map(|count| vec![Bytes::new(); count]).collect(),
            block: BytesMut::new(),
        };
        // The overviews that are smaller than a chunk's own are made row by row of chunks.
        let source = levels.get(in_chunks).copied().unwrap_or(Level {
            factor: 1,
            width: 0,
            height: 0,
        });
        let method = (overviews, nodata);
        let cascade = Cascade::new(&levels, in_chunks, shape.bands, size, method);
        Some(Self {
            shape,
            nodata,
            overviews,
            compression,
            predictor: compression.predictor(shape.nodata.sample_type()),
            tiling,
            in_chunks,
            chunks,
            output,
            has_cascade: !cascade.is_empty(),
            body: InOrder::new(WAITING),
            state: Mutex::new(state),
            strips: Mutex::new(Strips::new(source, shape.bands, chunks.0 as usize)),
            feed: InOrder::new(usize::MAX),
            cascade: Mutex::new(cascade),
            failed: AtomicBool::new(false),
            levels,
        })
    }

    /// Takes one chunk, counted in chunks from the upper left. Each has to come once, on any
    /// thread, in any order; the rows of chunks from top to bottom keep the memory small that tiles
    /// take while they wait for those before them.
    ///
    /// `planes` are the samples of each band. They are as wide and high as the chunk is, which is
    /// less than [`CHUNK`] at the right and at the bottom. Their contents are unspecified
    /// afterwards: overviews are made in their place. May block as long as the output does.
    ///
    /// # Errors
    /// See [`CogError`]. After one, every call fails.
    pub fn chunk(
        &self,
        column: u32,
        row: u32,
        planes: &mut [Vec<T>],
        scratch: &mut ChunkScratch,
    ) -> Result<(), CogError> {
        if self.failed.load(Ordering::Relaxed) {
            return Err(CogError::Abandoned);
        }
        let result = self.take(column, row, planes, scratch);
        if let Some(encoder) = &mut scratch.encoder {
            encoder.release();
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
        planes: &mut [Vec<T>],
        scratch: &mut ChunkScratch,
    ) -> Result<(), CogError> {
        let (mut width, mut height) = self.admit(column, row, planes)?;
        let encoder = match &mut scratch.encoder {
            Some(encoder) if encoder.compression() == self.compression => encoder,
            encoder => encoder.insert(Encoder::new(self.compression)?),
        };
        // Statistics of the full resolution, and its tiles.
        let moments: Vec<_> = planes
            .iter()
            .map(|plane| T::moments(plane, self.nodata))
            .collect();
        let index = self.index(column, row);
        for (parts, moments) in lock(&self.state).moments.iter_mut().zip(moments) {
            if let Some(part) = parts.get_mut(index) {
                *part = Some(moments);
            }
        }
        self.tiles_of_chunk((column, row), 0, (width, height), planes, encoder)?;

        // The levels that the chunk has all samples for.
        let mut line = Vec::new();
        let method = (self.overviews, self.nodata);
        for level in 1..=self.in_chunks {
            for plane in &mut *planes {
                halve_in_place(plane, (width, height), method, &mut line);
            }
            (width, height) = (width / 2, height / 2);
            if level == 1 {
                self.tiles_of_chunk((column, row), level, (width, height), planes, encoder)?;
            }
        }
        // The other levels need whole rows of the image.
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
        // An image without a hole: every chunk has come, and every tile is made.
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
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(missing) = state.seen.iter().position(|&seen| !seen) {
            let missing = u32::try_from(missing).unwrap_or(u32::MAX);
            let (column, row) = (missing % self.chunks.0, missing / self.chunks.0);
            return Err(CogError::Chunk {
                column,
                row,
                detail: "has not come".into(),
            });
        }
        let written = self.body.reached();
        let complete = state
            .overviews
            .iter()
            .flatten()
            .all(|tile| !tile.is_empty());
        if written != state.sizes.len() || !complete {
            // A call that failed has left a gap.
            return Err(CogError::Abandoned);
        }
        // The head, now that the sizes of all tiles and the statistics are known.
        let total = |parts: &Vec<Option<Moments>>| {
            Moments::total(parts.iter().flatten()).map(|total| total.statistics())
        };
        let statistics: Vec<_> = state.moments.iter().filter_map(total).collect();
        let head = Head {
            tiling: self.tiling,
            nodata: self.shape.nodata,
            compression: self.compression,
            levels: &self.levels,
            overviews: &state.overviews,
            body: &state.sizes,
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
    fn admit(&self, column: u32, row: u32, planes: &[Vec<T>]) -> Result<(usize, usize), CogError> {
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
        let index = self.index(column, row);
        match lock(&self.state).seen.get_mut(index) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(wrong("came twice")),
        }
        Ok((width, height))
    }

    /// Position of a chunk, row by row.
    fn index(&self, column: u32, row: u32) -> usize {
        (row as usize)
            .saturating_mul(self.chunks.0 as usize)
            .saturating_add(column as usize)
    }

    /// Encodes the tiles of a level that lie in a chunk, whose size at that level this is.
    fn tiles_of_chunk(
        &self,
        chunk: (u32, u32),
        level: usize,
        (width, height): (usize, usize),
        planes: &[Vec<T>],
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

    fn tiles_of_row<'t>(
        &self,
        tiles: &TileRow<'t, T>,
        encoder: &mut Encoder,
    ) -> Result<(), CogError> {
        let size = self.tiling.size;
        let width = self.levels.get(tiles.level).map_or(0, |level| level.width);
        let bands = self.shape.bands;
        let row_stride = width.saturating_mul(bands);
        let rows = |strip: &&[T]| strip.len() / row_stride.max(1);
        let bands_of = |strip: &&'t [T]| {
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
        pixels: &Pixels<'_, T>,
        encoder: &mut Encoder,
    ) -> Result<(), CogError> {
        let tile = encoder.encode(self.tiling, pixels, self.predictor)?;
        let across = self
            .levels
            .get(level)
            .map_or(0, |level| level.tiles(self.tiling.size).0);
        let index = y.saturating_mul(across).saturating_add(x);
        let mut state = lock(&self.state);
        let Some(overview) = level.checked_sub(1) else {
            if let Some(size) = state.sizes.get_mut(index) {
                *size = u32::try_from(tile.len()).unwrap_or(u32::MAX);
            }
            drop(state);
            let tile = Bytes::copy_from_slice(tile);
            let bytes = tile.len();
            return self.body.put(index, tile, bytes, |tile| {
                self.output.body(tile).map_err(CogError::Output)
            });
        };
        let kept = state.keep(tile);
        if let Some(place) = state
            .overviews
            .get_mut(overview)
            .and_then(|tiles| tiles.get_mut(index))
        {
            *place = kept;
        }
        Ok(())
    }
}

/// The first so many samples of each band.
fn tops<T>(planes: &[Vec<T>], samples: usize) -> Vec<&[T]> {
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
