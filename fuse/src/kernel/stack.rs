//! The kernel that lays bands on top of each other as they are.

use crate::kernel::error::KernelError;
use crate::kernel::inputs::{BandWindow, Inputs, Outputs, Window, WindowSize};
use crate::kernel::kernel::{ChunkKernel, Kernel};
use crate::sample::{Nodata, Planes, SampleType};

/// Bands of the inputs become the bands of the output, sample for sample. 0 is nodata. They must
/// lie on one grid.
///
/// By default all inputs do, in their order and under their names. Samples of 16 bits are not
/// copied unless an input has another place among the outputs, or several.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// Name and input of each output.
    bands: Option<Vec<(String, usize)>>,
}

impl Stack {
    /// Makes the bands of these names, each from the input of that index. Each input must be used.
    pub fn of(bands: Vec<(String, usize)>) -> Self {
        Self { bands: Some(bands) }
    }

    /// Whether the outputs are the inputs in their order, given that each input is used.
    fn is_in_order(&self) -> bool {
        let bands = self.bands.as_deref().unwrap_or_default();
        bands.iter().map(|(_, input)| *input).eq(0..bands.len())
    }

    /// The input of each output.
    fn inputs(&self, inputs: usize) -> Vec<usize> {
        match &self.bands {
            None => (0..inputs).collect(),
            Some(bands) => bands.iter().map(|(_, input)| *input).collect(),
        }
    }

    fn copy<T>(&self, inputs: &[BandWindow], outputs: &mut Vec<Vec<T>>, convert: fn(u16) -> T) {
        let of_outputs = self.inputs(inputs.len());
        outputs.resize_with(of_outputs.len(), Vec::new);
        for (input, plane) in of_outputs.into_iter().zip(outputs) {
            plane.clear();
            plane.extend(inputs[input].samples.iter().map(|&sample| convert(sample)));
        }
    }
}

impl Kernel for Stack {
    fn needs_one_grid(&self) -> bool {
        true
    }

    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError> {
        let nodata = match inputs.bands.first().map(|band| band.sample_type) {
            Some(SampleType::U8) => Nodata::U8(0),
            Some(SampleType::U16) => Nodata::U16(0),
            other => {
                let detail = format!("a stack takes samples of type U8 or U16, and not {other:?}");
                return Err(KernelError::new(detail));
            }
        };
        let count = inputs.bands.len();
        let mut used = self.inputs(count);
        used.sort_unstable();
        used.dedup();
        if !used.iter().copied().eq(0..count) {
            let detail = format!("a stack uses each of its {count} inputs, and not {used:?}");
            return Err(KernelError::new(detail));
        }
        let names = match &self.bands {
            None => inputs.bands.iter().map(|band| band.name.clone()).collect(),
            Some(bands) => bands.iter().map(|(name, _)| name.clone()).collect(),
        };
        Ok(Outputs { names, nodata })
    }

    fn working_bytes(&self, window: &WindowSize<'_>, outputs: &Outputs) -> u64 {
        match outputs.nodata {
            Nodata::U16(_) if self.is_in_order() => 0,
            nodata => window
                .pixels
                .saturating_mul(outputs.names.len() as u64)
                .saturating_mul(nodata.sample_type().bytes()),
        }
    }

    fn start(&self) -> Box<dyn ChunkKernel + '_> {
        Box::new(self.clone())
    }
}

impl ChunkKernel for Stack {
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError> {
        match outputs {
            Planes::U16(planes) if self.is_in_order() => {
                planes.resize_with(window.bands.len(), Vec::new);
                for (plane, band) in planes.iter_mut().zip(&mut *window.bands) {
                    std::mem::swap(plane, &mut band.samples);
                }
            }
            Planes::U16(planes) => self.copy(window.bands, planes, |sample| sample),
            Planes::U8(planes) => self.copy(window.bands, planes, low),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::Rect;
    use crate::kernel::inputs::{InputBand, Ratios};

    fn stack(inputs: &[usize]) -> Stack {
        let bands = inputs.iter().enumerate();
        Stack::of(
            bands
                .map(|(n, &input)| (format!("out{n}"), input))
                .collect(),
        )
    }

    /// The planes that the stack makes of two bands of two pixels, and those that it leaves.
    fn applied(stack: &Stack, sample_type: SampleType) -> (Planes, Vec<Vec<u16>>) {
        let rect = Rect {
            x: 0,
            y: 0,
            width: 2,
            height: 1,
        };
        let mut bands = [vec![1, 2], vec![3, 4]].map(|samples| BandWindow {
            rect,
            size: (2, 1),
            samples,
        });
        let mut window = Window {
            chunk: rect,
            rect,
            image: (2, 1),
            bands: &mut bands,
        };
        let mut outputs = Planes::new(sample_type);
        stack.start().apply(&mut window, &mut outputs).unwrap();
        (outputs, bands.map(|band| band.samples).into())
    }

    #[test]
    fn an_input_may_become_several_outputs_in_any_order() {
        let stack = stack(&[1, 0, 1]);
        assert_eq!(
            applied(&stack, SampleType::U16).0,
            Planes::U16(vec![vec![3, 4], vec![1, 2], vec![3, 4]])
        );
        assert_eq!(
            applied(&stack, SampleType::U8).0,
            Planes::U8(vec![vec![3, 4], vec![1, 2], vec![3, 4]])
        );
    }

    #[test]
    fn inputs_in_their_order_are_not_copied_and_may_have_other_names() {
        for stack in [Stack::default(), stack(&[0, 1])] {
            let (outputs, left) = applied(&stack, SampleType::U16);
            assert_eq!(outputs, Planes::U16(vec![vec![1, 2], vec![3, 4]]));
            assert!(left.iter().all(Vec::is_empty));
        }
        let bands = ["B02", "B03"].map(|name| InputBand {
            name: name.into(),
            sample_type: SampleType::U16,
            size: (2, 1),
            ratios: Ratios::ONE,
        });
        let inputs = Inputs {
            bands: &bands,
            image: (2, 1),
        };
        let outputs = stack(&[0, 1]).outputs(&inputs).unwrap();
        assert_eq!(outputs.names, ["out0", "out1"]);
        let window = WindowSize {
            pixels: 1000,
            bands: &[1000, 1000],
        };
        assert_eq!(stack(&[0, 1]).working_bytes(&window, &outputs), 0);
        assert_eq!(stack(&[1, 0]).working_bytes(&window, &outputs), 4000);
        for wrong in [vec![0], vec![0, 2], vec![0, 1, 2]] {
            assert!(stack(&wrong).outputs(&inputs).is_err(), "{wrong:?}");
        }
    }
}
