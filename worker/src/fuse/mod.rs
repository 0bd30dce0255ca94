//! The fuse core: single-band files in, one cloud-optimised `GeoTIFF` out, in one pass.
//!
//! It knows no AWS, no queue and no async runtime: bytes are asked for by ranges ([`Source`]) and
//! handed on as they are made ([`Output`]). The calling thread is blocked for as long as it takes.
//!
//! [`prepare`] reads the headers (`input`), makes sure that the bands lie on one grid, and tells
//! how much memory the rest will take. [`Prepared::run`] starts plain threads (`pipeline`), each of
//! which takes the next tile of some band (`order`), reads its bytes, decodes it, and copies the
//! samples into *chunks* of 1024 x 1024 pixels and all bands (`chunks`). Whoever completes a chunk
//! compresses it and makes its part of the overviews (`cog`). There is no barrier between rows or
//! bands, and a chunk lives only while it fills: memory grows with the width of the image, not with
//! its area, whatever order the tiles of a file are in. The exceptions are files of one huge tile,
//! and codings that only GDAL decodes, for which it needs the whole file in memory.
//!
//! Whatever is wrong with a band fails the whole cell with a [`FuseError`] that names the band: an
//! output with a hole looks like one with clouds, and nobody would notice. What the files repeat
//! nowhere is not noticed here, and the source has to verify what it reads against the checksum of
//! the object, where there is one: JPEG 2000 as Sentinel-2 uses it has no checksums, so damage
//! inside a code block may decode without contradiction; tiles may have changed places, if no TLM
//! lists them; a TIFF may have lost a tag that need not be there, or bits of samples that are not
//! compressed with a checksum. `worker/tests/hostile` shows what is noticed.

mod cancel;
mod chunks;
pub mod cog;
mod error;
mod file_output;
mod georeference;
mod grid;
mod header;
mod input;
mod memory;
mod order;
mod output;
mod pipeline;
mod scratch;
mod session;
mod sniff;
mod source;
mod statistics;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use chunks::{Chunk, Layout};
use cog::{ChunkScratch, CogWriter, Description, GeoTags, Shape};
use georeference::Georeference;
use input::Opened;
use pipeline::{ChunkSink, Track};
use session::Session;

pub use cancel::Cancel;
pub use cog::{CogError, Compression, GeoTagsError, NotACompression};
pub use error::{FuseError, Input};
pub use file_output::FileOutput;
pub use header::SampleType;
pub use output::Output;
pub use source::{FileSource, Source};
pub use statistics::{BandStatistics, Spread};

/// One band of a cell.
#[derive(Clone)]
pub struct Band {
    /// What the band is called in the output, such as `B04`.
    pub name: String,
    /// Where the bytes come from, for messages; never opened.
    pub source: String,
    /// The object.
    pub bytes: Arc<dyn Source>,
}

impl fmt::Debug for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Band")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What to make of which bands.
#[derive(Clone, Debug)]
pub struct Request {
    /// In the order of the output: B04, B03, B02 for true colour. Three bands are marked as red,
    /// green and blue.
    pub bands: Vec<Band>,
    /// Compression of the output.
    pub compression: Compression,
    /// Metadata items of the output as a whole, such as `TILE` and `DATE`. The same cell must give
    /// the same items: they are part of the bytes. Items named `TIFFTAG_…` become TIFF tags (GDAL's
    /// `GTiff` driver, "Metadata").
    pub metadata: Vec<(String, String)>,
    /// Threads that decode and compress, at least one. They have no part in the bytes of the
    /// output.
    pub threads: usize,
}

/// How far a fusion is, in pixels of all bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Decoded and put into place.
    pub done: u64,
    /// To do in all.
    pub total: u64,
}

/// Bands that fit together, before the first of them is decoded.
pub struct Prepared {
    request: Request,
    bands: Vec<Opened>,
    shape: Shape,
    georeference: GeoTags,
    crs: String,
    transform: [f64; 6],
}

/// A cloud-optimised `GeoTIFF` whose body has gone to the [`Output`], and what is worth knowing
/// about it without opening it.
#[derive(Clone, Debug)]
pub struct Cog {
    /// What goes in front of the body; the same bytes for the same request, every time. Its length
    /// is a multiple of 4096.
    pub head: Vec<Bytes>,
    /// Bytes that went to the output.
    pub body_bytes: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Type of the samples, as in the inputs.
    pub sample_type: SampleType,
    /// In the order of the request.
    pub bands: Vec<BandStatistics>,
    /// Factors of the overviews, smallest first: 2 to 32 for an image of at least 32 pixels a side.
    pub overviews: Vec<u32>,
    /// The coordinate reference system, such as `EPSG:32629`, or its name if it has no code.
    pub crs: String,
    /// Upper left x, pixel width, 0, upper left y, 0, negative pixel height, in units of the
    /// system.
    pub transform: [f64; 6],
}

/// Reads the headers of the bands and makes sure that they fit together. Little is read, nothing
/// decoded.
///
/// Blocks the calling thread, on which it configures GDAL until it returns. On the first call
/// GDAL's error handler and block cache are set up for the process.
///
/// # Errors
/// See [`FuseError`].
pub fn prepare(request: Request, cancel: &Cancel) -> Result<Prepared, FuseError> {
    check_names(&request)?;
    let session = Session::start()?;
    let (mut bands, mut georeferences) = (Vec::new(), Vec::new());
    for band in &request.bands {
        let (opened, georeference) = input::open(&session, band, cancel)?;
        bands.push(opened);
        georeferences.push(georeference);
    }
    let headers: Vec<_> = bands.iter().map(|band| &band.header).collect();
    header::agree(&request.bands, &headers)?;
    georeference::agree(&request.bands, &georeferences)?;
    let (Some(first), Some(Georeference { system, transform })) =
        (bands.first(), georeferences.first())
    else {
        return Err(FuseError::Request {
            detail: "it has no bands".into(),
        });
    };
    let shape = Shape {
        width: first.header.grid.width,
        height: first.header.grid.height,
        bands: bands.len(),
        sample_type: first.header.sample_type(),
    };
    let (tags, transform) = (GeoTags::new(system, transform)?, *transform);
    let crs = georeferences
        .first()
        .map(Georeference::system_name)
        .unwrap_or_default();
    Ok(Prepared {
        request,
        shape,
        georeference: tags,
        crs,
        transform,
        bands,
    })
}

impl Prepared {
    /// Upper bound in bytes of what [`run`](Self::run) has in memory at a time. What its sources
    /// read ahead and what its output holds back is not in it.
    ///
    /// It counts on tiles that tell all about themselves in the main header: one whose own header
    /// leads to GDAL brings the whole file into memory in addition.
    pub fn memory_needed(&self) -> u64 {
        memory::needed(self.shape, &self.bands, self.threads())
    }

    /// Pixels of a row.
    pub fn width(&self) -> u32 {
        self.shape.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.shape.height
    }

    fn threads(&self) -> usize {
        self.request.threads.max(1)
    }

    /// Fuses the bands: the body goes to `output` while it is made, the head is returned. The
    /// output has the bands' size, data type, CRS and transform, pixel for pixel, and 0 as nodata.
    ///
    /// Blocks the calling thread and uses as many others as the request says. `progress` is called
    /// on all of them.
    ///
    /// # Errors
    /// The first [`FuseError`] of any thread; the others have stopped when it is returned.
    pub fn run(
        self,
        output: &dyn Output,
        progress: &(dyn Fn(Progress) + Sync),
        cancel: &Cancel,
    ) -> Result<Cog, FuseError> {
        let threads = self.threads();
        let Self {
            request,
            bands,
            shape,
            georeference,
            crs,
            transform,
        } = self;
        let tracks: Vec<_> = bands
            .iter()
            .map(|band| Track {
                grid: &band.header.grid,
                tiles: &*band.tiles,
            })
            .collect();
        let writer = CogWriter::new(shape, request.compression, output);
        pipeline::run(&tracks, layout(shape), threads, &writer, progress, cancel)?;
        for band in &bands {
            cancel.check()?;
            band.tiles.finish()?;
        }
        let description = Description {
            names: request.bands.iter().map(|band| band.name.clone()).collect(),
            metadata: request.metadata,
            georeference,
        };
        let finished = writer.finish(&description)?;
        Ok(Cog {
            head: finished.head,
            body_bytes: finished.body_bytes,
            width: shape.width,
            height: shape.height,
            sample_type: shape.sample_type,
            bands: finished.statistics,
            overviews: finished.overviews,
            crs,
            transform,
        })
    }
}

fn layout(shape: Shape) -> Layout {
    Layout {
        width: shape.width,
        height: shape.height,
        bands: shape.bands,
    }
}

impl ChunkSink for CogWriter<'_> {
    type Scratch = ChunkScratch;

    fn scratch(&self) -> ChunkScratch {
        ChunkScratch::new()
    }

    fn take(&self, chunk: &mut Chunk, scratch: &mut ChunkScratch) -> Result<(), FuseError> {
        Ok(self.chunk(chunk.column, chunk.row, &mut chunk.planes, scratch)?)
    }
}

/// Names and items end up in the file; what XML or TIFF cannot hold would be lost there without a
/// word.
fn check_names(request: &Request) -> Result<(), FuseError> {
    let wrong = |detail: String| Err(FuseError::Request { detail });
    for band in &request.bands {
        if band.name.is_empty() || band.name.chars().any(char::is_control) {
            return wrong(format!(
                "\"{}\" cannot be the name of a band",
                band.name.escape_debug()
            ));
        }
    }
    for (key, value) in &request.metadata {
        let is_key = key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if key.is_empty() || !is_key || value.chars().any(|c| c.is_control() && c != '\n') {
            return wrong(format!(
                "the metadata item \"{}\" cannot be written to a TIFF",
                key.escape_debug()
            ));
        }
    }
    Ok(())
}
