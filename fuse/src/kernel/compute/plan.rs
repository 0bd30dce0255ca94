//! What a computation means for inputs on their grids.

use super::computation::{Computation, Downsample, Measure, Upsample};
use super::resample::{Axis, Method};
use crate::kernel::error::KernelError;
use crate::kernel::inputs::{InputBand, Inputs, Ratio, Window};

/// The inputs, and what is needed of them.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) inputs: Vec<PlannedInput>,
}

/// An input, and what is needed of it.
#[derive(Clone, Debug)]
pub(super) struct PlannedInput {
    pub(super) band: InputBand,
    /// Pixels of its own that are needed beyond those that have a part of a window.
    pub(super) reach: u32,
    /// Outputs store its numbers.
    pub(super) gives_numbers: bool,
    /// Programs see its measure.
    pub(super) gives_measures: bool,
    /// How it comes to the grid of the output, across and down.
    pub(super) x: (Axis, Method),
    pub(super) y: (Axis, Method),
}

impl Plan {
    pub(super) fn new(computation: &Computation, inputs: &Inputs<'_>) -> Result<Self, KernelError> {
        let (expected, given) = (computation.measures.len(), inputs.bands.len());
        if expected != given {
            let detail = format!("the computation is of {expected} inputs, and {given} are given");
            return Err(KernelError::new(detail));
        }
        let planned = inputs.bands.iter().enumerate().map(|(index, band)| {
            let (x, y) = methods(computation, index, band);
            let sources = computation.outputs.iter().map(|output| &output.source);
            PlannedInput {
                band: band.clone(),
                reach: reach(computation, inputs, index),
                gives_numbers: sources.clone().any(|source| source.stores(index)),
                gives_measures: sources.clone().any(|source| source.computes_with(index)),
                x,
                y,
            }
        });
        Ok(Self {
            inputs: planned.collect(),
        })
    }

    /// Fails for a window of other bands: a kernel computes with those that it was prepared for.
    pub(super) fn check(&self, window: &Window<'_>) -> Result<(), KernelError> {
        let fits = window.bands.len() == self.inputs.len()
            && self.inputs.iter().zip(&*window.bands).all(|(input, band)| {
                let expected = input.band.window(window.rect, input.reach);
                let samples = u64::try_from(band.samples.len());
                band.rect == expected && samples == Ok(expected.area())
            });
        if fits {
            return Ok(());
        }
        let detail = "the kernel was prepared for other bands; prepare one for each request";
        Err(KernelError::new(detail))
    }
}

/// How an input comes to the grid of the output, across and down.
fn methods(
    computation: &Computation,
    index: usize,
    band: &InputBand,
) -> ((Axis, Method), (Axis, Method)) {
    let is_class = computation.measures.get(index) == Some(&Measure::Class);
    let method = |ratio: Ratio, size: u32| {
        let axis = Axis::new(ratio, size);
        let method = if axis.is_same() || is_class {
            Method::Nearest
        } else if axis.is_coarser() {
            match computation.upsample {
                Upsample::Nearest => Method::Nearest,
                Upsample::Bilinear => Method::Bilinear,
            }
        } else {
            match computation.downsample {
                Downsample::Average => Method::Average,
                Downsample::Nearest => Method::Nearest,
            }
        };
        (axis, method)
    };
    (
        method(band.ratios.x, band.size.0),
        method(band.ratios.y, band.size.1),
    )
}

/// Pixels of an input that are needed beyond those that have a part of a window.
pub(super) fn reach(computation: &Computation, inputs: &Inputs<'_>, index: usize) -> u32 {
    let Some(band) = inputs.bands.get(index) else {
        return 0;
    };
    let own = own_reach(computation, index, band);
    match &computation.mask {
        Some(mask) if mask.input == index => {
            // Pixels of other bands are masked wherever these are seen.
            let others = inputs.bands.iter().enumerate();
            let beyond = others.map(|(other_index, other)| {
                let pixels = own_reach(computation, other_index, other);
                let across = beyond(pixels, other.ratios.x, band.ratios.x);
                across.max(beyond(pixels, other.ratios.y, band.ratios.y))
            });
            let beyond = beyond.max().unwrap_or_default();
            own.max(mask.dilate.saturating_add(beyond))
        }
        _ => own,
    }
}

/// Pixels of an input that its resampling needs.
fn own_reach(computation: &Computation, index: usize, band: &InputBand) -> u32 {
    let (x, y) = methods(computation, index, band);
    x.1.reach().max(y.1.reach())
}

/// How far a window of a band reaches beyond the window of the output, in pixels of the mask.
fn beyond(pixels: u32, band: Ratio, mask: Ratio) -> u32 {
    // A pixel that has only a part of the window is seen whole.
    let rounded = u64::from(pixels) + u64::from(band.numerator() > 1);
    let in_output = (rounded * u64::from(band.numerator())).div_ceil(band.denominator().into());
    let in_mask = (in_output * u64::from(mask.denominator())).div_ceil(mask.numerator().into());
    u32::try_from(in_mask).unwrap_or(u32::MAX)
}
