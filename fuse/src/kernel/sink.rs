//! From chunks through the kernel to the writer.

use crate::cog::{AnyCogWriter, ChunkScratch};
use crate::error::FuseError;
use crate::kernel::inputs::Window;
use crate::kernel::kernel::{ChunkKernel, Kernel};
use crate::pipeline::{Chunk, ChunkSink};
use crate::sample::{Planes, SampleType};

/// Applies the kernel to each chunk and gives the outputs to the writer.
pub(crate) struct KernelSink<'a> {
    pub(crate) kernel: &'a dyn Kernel,
    /// Columns and rows of the grid of the output.
    pub(crate) image: (u32, u32),
    /// Type of the kernel's outputs.
    pub(crate) sample_type: SampleType,
    pub(crate) writer: AnyCogWriter<'a>,
}

/// What one thread keeps from chunk to chunk.
pub(crate) struct KernelScratch<'k> {
    kernel: Box<dyn ChunkKernel + 'k>,
    outputs: Planes,
    writer: ChunkScratch,
}

impl ChunkSink for KernelSink<'_> {
    type Scratch<'s>
        = KernelScratch<'s>
    where
        Self: 's;

    fn scratch(&self) -> KernelScratch<'_> {
        KernelScratch {
            kernel: self.kernel.start(),
            outputs: Planes::new(self.sample_type),
            writer: ChunkScratch::new(),
        }
    }

    fn take<'s>(
        &'s self,
        chunk: &mut Chunk,
        scratch: &mut KernelScratch<'s>,
    ) -> Result<(), FuseError> {
        let KernelScratch {
            kernel,
            outputs,
            writer,
        } = scratch;
        let mut window = Window {
            chunk: chunk.rect,
            rect: chunk.window,
            image: self.image,
            bands: &mut chunk.bands,
        };
        kernel.apply(&mut window, outputs)?;
        self.writer
            .chunk(chunk.column, chunk.row, outputs, writer)?;
        // A kernel that took the samples of inputs gives them back to be filled again.
        if let Planes::U16(planes) = outputs {
            for (plane, band) in planes.iter_mut().zip(&mut chunk.bands) {
                if band.samples.is_empty() {
                    std::mem::swap(plane, &mut band.samples);
                }
            }
        }
        Ok(())
    }
}
