//! The kernel that computes, as the pipeline sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::chunk::ComputeChunk;
use super::computation::{Computation, ComputedOutput};
use super::mask::{MaskTable, MaskWindow};
use super::plan::{Plan, reach};
use crate::cog::CHUNK;
use crate::kernel::error::KernelError;
use crate::kernel::inputs::{Inputs, Outputs, Resolution, WindowSize};
use crate::kernel::kernel::{ChunkKernel, Kernel};

/// Computes outputs from bands of any resolutions, see [`Computation`].
///
/// The outcome depends neither on the borders of chunks nor on the number of threads nor on the
/// processor. One kernel is for one request: [`Kernel::outputs`] sets it up for the bands.
#[derive(Debug)]
pub struct Compute {
    computation: Computation,
    mask: Option<MaskTable>,
    plan: Mutex<Option<Arc<Plan>>>,
    /// For each output.
    beyond: Vec<AtomicU64>,
}

impl Compute {
    /// The kernel of a computation.
    ///
    /// # Errors
    /// If an output or the mask names an input that has no measure, a scale is 0, or the median is
    /// not of an odd number of 3 to 15 pixels.
    pub fn new(computation: Computation) -> Result<Self, KernelError> {
        // Each input that is named must be there.
        let count = computation.measures.len();
        let of_outputs = computation.outputs.iter();
        let mut named = of_outputs
            .flat_map(|output| output.source.inputs())
            .copied();
        let of_mask = computation.mask.as_ref().map(|mask| mask.input);
        if let Some(input) = named
            .find(|&input| input >= count)
            .or(of_mask.filter(|&i| i >= count))
        {
            let detail = format!("input {input} is named, and there are {count}, counted from 0");
            return Err(KernelError::new(detail));
        }
        // Numbers must be those that values can be encoded and filtered with.
        if let Some(output) = computation
            .outputs
            .iter()
            .find(|output| !is_encodable(output))
        {
            let detail = format!(
                "output {} has scale {} and offset {}; both are finite, and the scale is not 0",
                output.name, output.scale, output.offset
            );
            return Err(KernelError::new(detail));
        }
        if let Some(side) = computation.median
            && !(side % 2 == 1 && (3..=15).contains(&side))
        {
            let detail = format!("a median is of 3, 5, … 15 pixels a side, and not of {side}");
            return Err(KernelError::new(detail));
        }
        Ok(Self {
            mask: computation
                .mask
                .as_ref()
                .map(|mask| MaskTable::new(&mask.test)),
            plan: Mutex::default(),
            beyond: computation
                .outputs
                .iter()
                .map(|_| AtomicU64::new(0))
                .collect(),
            computation,
        })
    }

    /// What it computes.
    pub fn computation(&self) -> &Computation {
        &self.computation
    }

    /// For each output, the pixels so far whose value was beyond the type of the samples, or would
    /// have been nodata. They have the nearest sample.
    pub fn beyond(&self) -> Vec<u64> {
        let counts = self.beyond.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is used as a float32")]
fn is_encodable(output: &ComputedOutput) -> bool {
    let scale = output.scale as f32;
    scale.is_finite() && scale != 0.0 && output.offset.is_finite()
}

impl Kernel for Compute {
    fn resolution(&self) -> Resolution {
        self.computation.resolution.clone()
    }

    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError> {
        let plan = Plan::new(&self.computation, inputs)?;
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(plan));
        let outputs = self.computation.outputs.iter();
        Ok(Outputs {
            names: outputs.map(|output| output.name.clone()).collect(),
            nodata: self.computation.nodata,
        })
    }

    fn margin(&self) -> u32 {
        self.computation.median.map_or(0, |side| side / 2)
    }

    fn reach(&self, inputs: &Inputs<'_>, band: usize) -> u32 {
        reach(&self.computation, inputs, band)
    }

    fn working_bytes(&self, window: &WindowSize<'_>, outputs: &Outputs) -> u64 {
        let count = outputs.names.len() as u64;
        let sample = outputs.nodata.sample_type().bytes();
        let planes = window.pixels.saturating_mul(count).saturating_mul(sample);
        let mask = self.computation.mask.as_ref().map_or(0, |mask| {
            let samples = window.bands.get(mask.input).copied().unwrap_or_default();
            MaskWindow::bytes(samples, mask.dilate)
        });
        // Rows of float32: the values of inputs and outputs, those around a row for the median and
        // their columns in order, and intermediate results, which are shorter.
        let median = u64::from(self.computation.median.unwrap_or_default());
        let rows = 2 * window.bands.len() as u64 + count * (median + 8) + 16;
        let row = 4 * u64::from(CHUNK + 2 * self.margin());
        // Sums of the samples of a row of a band, and weights for its columns.
        let sums = window
            .bands
            .iter()
            .map(|&samples| samples.min(1 << 14) * 32);
        let rows = rows.saturating_mul(row).saturating_add(sums.sum());
        planes.saturating_add(mask).saturating_add(rows)
    }

    fn start(&self) -> Box<dyn ChunkKernel + '_> {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let Self {
            computation,
            mask,
            beyond,
            ..
        } = self;
        Box::new(ComputeChunk::new(
            computation,
            mask.as_ref(),
            beyond,
            plan.clone(),
        ))
    }
}
