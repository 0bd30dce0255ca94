//! The kernel as the pipeline sees it.

use std::fmt;

use crate::grid::Rect;
use crate::kernel::error::KernelError;
use crate::sample::{Nodata, Planes, SampleType};

/// The bands that go into a kernel.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Names of the bands, in the order of the request.
    pub names: &'a [String],
    /// Type of the samples of all bands: `U8` or `U16`. 0 is nodata.
    pub sample_type: SampleType,
}

/// The bands that come out of a kernel. They become one raster.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// Names of the bands, in the order of the planes. They appear in the raster.
    pub names: Vec<String>,
    /// Type of the samples of all bands, and their nodata value.
    pub nodata: Nodata,
}

/// Turns the input planes of an image into output planes, chunk by chunk.
///
/// A pixel of the output may depend only on the input pixels at most [`margin`](Self::margin) away,
/// and on where the image ends. Then the raster depends neither on the borders of chunks nor on the
/// number of threads.
pub trait Kernel: fmt::Debug + Send + Sync {
    /// The outputs for these inputs.
    ///
    /// # Errors
    /// When the kernel cannot use the inputs.
    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError>;

    /// Pixels around a chunk that the kernel needs to see, at most [`CHUNK`](super::super::cog::CHUNK).
    /// None by default.
    fn margin(&self) -> u32 {
        0
    }

    /// Bytes that one thread allocates for a window of so many pixels: the output planes, and the
    /// kernel's own scratch. By default the output planes.
    fn working_bytes(&self, pixels: u64, outputs: &Outputs) -> u64 {
        pixels
            .saturating_mul(outputs.names.len() as u64)
            .saturating_mul(outputs.nodata.sample_type().bytes())
    }

    /// What one thread works with. It lives as long as the thread and is its scratch.
    fn start(&self) -> Box<dyn ChunkKernel + '_>;
}

/// A kernel on one thread.
pub trait ChunkKernel {
    /// Makes the outputs of one chunk.
    ///
    /// `outputs` is of the type of [`Kernel::outputs`]. It may hold planes of an earlier chunk. Its
    /// planes must be as many as the outputs, and each of them as large as `window.chunk`. The
    /// kernel may take the input planes as its output planes; otherwise it leaves them in place,
    /// with unspecified contents.
    ///
    /// # Errors
    /// Any failure; it fails the cell.
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError>;
}

/// The inputs of a chunk, with the margin around it.
#[derive(Debug)]
pub struct Window<'a> {
    /// The part of the image that the outputs stand for.
    pub chunk: Rect,
    /// The part of the image that the planes show: `chunk` with the margin around it. It ends where
    /// the image does, so a side without a margin is an edge of the image.
    pub rect: Rect,
    /// Width and height of the image in pixels.
    pub image: (u32, u32),
    /// The samples of `rect` of each band, row by row without gaps, 16 bits wide for both types of
    /// inputs.
    pub planes: &'a mut Vec<Vec<u16>>,
}
