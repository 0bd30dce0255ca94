//! The fuse core: single-band files in, one cloud-optimised `GeoTIFF` out, in one pass.
//!
//! It knows no AWS, no queue and no async runtime: bytes are read by ranges ([`Source`]) and
//! handed on as they are made ([`Output`]). The calling thread is blocked for as long as it takes.
//!
//! [`prepare`] reads the headers (`input`), makes sure that the grids of the bands go together, and
//! says how much memory the rest will take. [`Prepared::run`] starts plain threads (`pipeline`).
//! Each takes the next tile of some band, reads its bytes, decodes it, and copies the samples into
//! *chunks*: what the bands have in 1024 x 1024 pixels of the output. The thread that completes a
//! chunk gives it to the *kernel* ([`kernel`]), which turns the input planes into output planes,
//! compresses the outputs and makes their part of the overviews ([`cog`]). There is no barrier
//! between rows or bands, and a chunk lives only while it fills: memory grows with the width of the
//! image, not with its area, whatever order the tiles of a file are in. The exceptions are files of
//! one huge tile, and codings that only GDAL decodes, for which it needs the whole file in memory.
//! `design.md` says more.
//!
//! Any fault of a band fails the whole cell with a [`FuseError`] that names the band: an
//! output with a hole looks like one with clouds, and no reader would notice. What the files repeat
//! nowhere is not noticed here, and the source has to verify what it reads against the checksum of
//! the object, where there is one: JPEG 2000 as Sentinel-2 uses it has no checksums, so damage
//! inside a code block may decode without contradiction; tiles may have changed places, if no TLM
//! lists them; a TIFF may have lost a tag that need not be there, or bits of samples that are not
//! compressed with a checksum. `worker/tests/hostile` shows what is noticed.

pub mod area;
mod band;
mod cancel;
pub mod cog;
mod error;
mod gdal;
mod georeference;
mod grid;
mod input;
pub mod kernel;
mod output;
mod pipeline;
mod prepare;
mod request;
mod run;
mod sample;
mod scale;

#[cfg(test)]
mod tests;

pub use band::{Band, Input};
pub use cancel::Cancel;
pub use cog::{
    BandStatistics, CogError, Compression, GeoTagsError, NotACompression, NotOverviews, Overviews,
    Spread,
};
pub use error::FuseError;
pub use grid::{OutputGrid, Rect};
pub use input::{FileSource, Source};
pub use kernel::{Kernel, KernelError, Resolution, Stack};
pub use output::{FileOutput, Output};
pub use prepare::{Prepared, prepare};
pub use request::{Progress, Request};
pub use run::Cog;
pub use sample::{Nodata, Planes, Sample, SampleType};
pub use scale::{OutputScales, ScaleOffset};
