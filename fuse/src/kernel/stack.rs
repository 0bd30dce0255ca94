//! The kernel that lays bands on top of each other as they are.

use crate::kernel::error::KernelError;
use crate::kernel::kernel::{ChunkKernel, Inputs, Kernel, Outputs, Window};
use crate::sample::{Nodata, Planes, SampleType};

/// The bands become the bands of the output, sample for sample. 0 is nodata. Samples of 16 bits are
/// not copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

impl Kernel for Stack {
    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError> {
        let nodata = match inputs.sample_type {
            SampleType::U8 => Nodata::U8(0),
            SampleType::U16 => Nodata::U16(0),
            other => {
                let detail = format!("a stack takes samples of type U8 or U16, and not {other:?}");
                return Err(KernelError::new(detail));
            }
        };
        Ok(Outputs {
            names: inputs.names.to_vec(),
            nodata,
        })
    }

    fn working_bytes(&self, pixels: u64, outputs: &Outputs) -> u64 {
        match outputs.nodata {
            Nodata::U16(_) => 0,
            _ => pixels.saturating_mul(outputs.names.len() as u64),
        }
    }

    fn start(&self) -> Box<dyn ChunkKernel + '_> {
        Box::new(*self)
    }
}

impl ChunkKernel for Stack {
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError> {
        match outputs {
            Planes::U16(planes) => std::mem::swap(planes, window.planes),
            Planes::U8(planes) => {
                planes.resize_with(window.planes.len(), Vec::new);
                for (samples, plane) in window.planes.iter().zip(planes) {
                    plane.clear();
                    plane.extend(samples.iter().map(|&sample| low(sample)));
                }
            }
            other => *other = Planes::new(other.sample_type()),
        }
        Ok(())
    }
}

/// An 8-bit sample, which travels in 16 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "8-bit samples have nothing in the upper half"
)]
fn low(sample: u16) -> u8 {
    sample as u8
}
