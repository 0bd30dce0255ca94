//! The kernel as the pipeline sees it.

use std::fmt;

use crate::kernel::error::KernelError;
use crate::kernel::inputs::{Inputs, Outputs, Resolution, Window, WindowSize};
use crate::sample::Planes;

/// Turns the input planes of an image into output planes, chunk by chunk.
///
/// A pixel of the output may depend only on input pixels that are seen from it: those that have a
/// part of the output pixels at most [`margin`](Self::margin) away, and the pixels at most
/// [`reach`](Self::reach) away from these, each counted in its own grid. It may depend on where the
/// grid and the bands end, too. Then the raster depends neither on the borders of chunks nor on the
/// number of threads.
pub trait Kernel: fmt::Debug + Send + Sync {
    /// How large the pixels of the output are. As those of the finest input by default.
    fn resolution(&self) -> Resolution {
        Resolution::Finest { of: Vec::new() }
    }

    /// Whether the inputs must have one type of samples and lie on one grid, which is that of the
    /// output. Otherwise they may have pixels of several sizes. Not by default.
    fn needs_one_grid(&self) -> bool {
        false
    }

    /// The outputs for these inputs.
    ///
    /// # Errors
    /// When the kernel cannot use the inputs.
    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError>;

    /// Pixels of the output around a chunk that the kernel needs to see, at most
    /// [`CHUNK`](super::super::cog::CHUNK). None by default.
    fn margin(&self) -> u32 {
        0
    }

    /// Pixels of an input, counted in its own grid, that the kernel needs to see around those that
    /// have a part of the chunk and its margin. At most [`CHUNK`](super::super::cog::CHUNK), none
    /// by default.
    fn reach(&self, inputs: &Inputs<'_>, band: usize) -> u32 {
        let _ = (inputs, band);
        0
    }

    /// Bytes that one thread allocates for the largest window: the output planes, and the kernel's
    /// own scratch. By default the output planes, with the margin.
    fn working_bytes(&self, window: &WindowSize<'_>, outputs: &Outputs) -> u64 {
        window
            .pixels
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
    /// kernel may exchange the samples of an input with the output plane of the same index;
    /// otherwise it leaves them in place, with unspecified contents.
    ///
    /// # Errors
    /// Any failure; it fails the cell.
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError>;
}
