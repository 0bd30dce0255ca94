//! What to compute, as a value.

use std::sync::Arc;

use super::area::Area;
use super::mask::MaskTest;
use super::program::Program;
use crate::kernel::inputs::Resolution;
use crate::sample::Nodata;

/// Everything that a [`Compute`](super::Compute) does. The operations are applied in this order:
/// nodata (0 in each band), mask, resampling of the valid samples, measure, program, median, area,
/// encoding.
#[derive(Clone, Debug)]
pub struct Computation {
    /// What the samples of each input mean.
    pub measures: Vec<Measure>,
    /// Which pixels are masked in all inputs.
    pub mask: Option<Mask>,
    /// Size of the pixels of the output.
    pub resolution: Resolution,
    /// For inputs with larger pixels than the output.
    pub upsample: Upsample,
    /// For inputs with smaller pixels than the output.
    pub downsample: Downsample,
    /// The bands of the output.
    pub outputs: Vec<ComputedOutput>,
    /// Type of the samples of all outputs, and their nodata value.
    pub nodata: Nodata,
    /// Side of the square of a median filter over the valid pixels of each output: odd, 3 to 15
    /// pixels of the output. At the edges of the grid it is smaller. For an even number of valid
    /// pixels the median is the mean of the two in the middle, as for `numpy.nanmedian`; of classes
    /// it is the lower one of them. A pixel without a value keeps none.
    pub median: Option<u32>,
    /// The part of the output that is kept.
    pub area: Option<Arc<dyn Area>>,
}

/// What the samples of an input mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// Programs see the stored number.
    Number,
    /// A class or flags: not a quantity. Programs see the stored number; the band is never
    /// interpolated or averaged.
    Class,
    /// Programs see sample * `scale` + `offset`, computed in float32.
    Reflectance {
        /// Reflectance of one step.
        scale: f64,
        /// Reflectance of a sample of 0.
        offset: f64,
        /// Whether a reflectance below one `scale` becomes that.
        clamp: bool,
    },
}

/// Pixels that are made nodata in all inputs before these are resampled. A pixel of another band
/// has the mask of the nearest pixel of the mask's band.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The band that is tested, by its index.
    pub input: usize,
    /// What is masked.
    pub test: MaskTest,
    /// By how many pixels of its band the mask grows on each side: a square of 2 `dilate` + 1.
    pub dilate: u32,
}

/// How inputs come to smaller pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsample {
    /// The sample at the centre of the pixel.
    #[default]
    Nearest,
    /// The valid ones of the four samples around the centre, by distance.
    Bilinear,
}

/// How inputs come to larger pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downsample {
    /// The mean of the valid samples in the pixel.
    #[default]
    Average,
    /// The sample at the centre of the pixel; right of it or below if that lies between two.
    Nearest,
}

/// A band of the output. Its samples are `round((value - offset) / scale)`, ties to even, for
/// integers, and not rounded for floating-point samples. All in float32.
#[derive(Clone, Debug)]
pub struct ComputedOutput {
    /// Appears in the raster.
    pub name: String,
    /// Where the values come from.
    pub source: Source,
    /// Not 0; 1 to store values as they are.
    pub scale: f64,
    /// 0 to store values as they are.
    pub offset: f64,
}

/// Where the values of an output come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The stored numbers of an input, by its index, whatever its measure.
    Input(usize),
    /// The value of an expression of measures.
    Program(Program),
}

impl Source {
    /// The inputs that it needs.
    pub(super) fn inputs(&self) -> &[usize] {
        match self {
            Self::Input(input) => std::slice::from_ref(input),
            Self::Program(program) => program.inputs(),
        }
    }

    /// Whether it is the stored numbers of an input.
    pub(super) fn stores(&self, input: usize) -> bool {
        matches!(self, Self::Input(of) if *of == input)
    }

    /// Whether it is computed with the measure of an input.
    pub(super) fn computes_with(&self, input: usize) -> bool {
        matches!(self, Self::Program(program) if program.inputs().contains(&input))
    }
}
