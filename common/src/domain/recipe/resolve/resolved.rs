//! A recipe whose names are bands of one sensor.

use super::super::expression::Op;
use super::super::sensor::Sensor;
use super::super::settings::{DataType, Encoding, GridRule, MaskTest, Overviews, RadiometryRule};

/// What a worker needs to make the rasters of a cell: a recipe for one sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedRecipe {
    /// The sensor.
    pub sensor: Sensor,
    /// The bands that are read, each once: those of outputs in the order in which they are first
    /// named, then that of the mask.
    pub inputs: Vec<InputBand>,
    /// The mask, if the recipe has one.
    pub mask: Option<ResolvedMask>,
    /// The rasters, each of which has at least one output.
    pub files: Vec<RasterFile>,
    /// The grid of the rasters.
    pub grid: GridRule,
    /// The side of the median filter's square, an odd number of pixels of the output.
    pub median: Option<u32>,
    /// How stored numbers become reflectance.
    pub radiometry: RadiometryRule,
    /// How overviews are made.
    pub overviews: Overviews,
}

impl ResolvedRecipe {
    /// The names of the bands that are read.
    pub fn bands(&self) -> Vec<&str> {
        self.inputs
            .iter()
            .map(|input| input.band.as_str())
            .collect()
    }
}

/// A band that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct InputBand {
    /// Its name, which is the key of the cell's assets: `B04`, `SR_B4`, `SCL`.
    pub band: String,
    /// What its numbers are.
    pub kind: BandKind,
    /// The size of its pixels as the sensor's finest product has it, in metres.
    pub metres: f64,
    /// Whether an output reads it; a band that only masks does not count for the resolution.
    pub is_of_output: bool,
}

/// What the numbers of a band are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BandKind {
    /// Reflectance, with a scale and an offset.
    Reflectance,
    /// Classes, one number each (SCL).
    Class,
    /// Flags, one bit each (`QA_PIXEL`).
    Bits,
    /// A probability in percent.
    Probability,
    /// Another quantity (AOT, WVP).
    Other,
}

/// Which pixels are masked.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedMask {
    /// The band, an index of [`ResolvedRecipe::inputs`].
    pub input: usize,
    /// Which of its pixels are masked.
    pub test: MaskTest,
    /// How far the mask grows, in pixels of its own grid: a square of `2 * dilate + 1` pixels.
    pub dilate: u32,
}

/// A raster: one file, whose bands have one type.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterFile {
    /// Its name, which the key of the object ends in; `None` for the outputs without `file`.
    pub name: Option<String>,
    /// Its bands.
    pub outputs: Vec<ResolvedOutput>,
    /// The type of the numbers; `None` if it is that of the bands, whose numbers are copied.
    pub data_type: Option<DataType>,
    /// The nodata value; `None` if numbers are copied.
    pub nodata: Option<f64>,
}

impl RasterFile {
    /// The bands that its outputs read, as indices of [`ResolvedRecipe::inputs`], each once and
    /// sorted.
    pub fn inputs(&self) -> Vec<usize> {
        let mut inputs = vec![];
        for output in &self.outputs {
            match &output.source {
                ResolvedSource::Band(input) => inputs.push(*input),
                ResolvedSource::Expression { ops, .. } => {
                    inputs.extend(ops.iter().filter_map(|op| match op {
                        Op::Input(input) => Some(*input),
                        _ => None,
                    }));
                }
            }
        }
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
}

/// A band of a raster.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedOutput {
    /// Its name.
    pub name: String,
    /// What its pixels are.
    pub source: ResolvedSource,
}

/// What the pixels of an output are.
#[derive(Debug, Clone, PartialEq)]
pub enum ResolvedSource {
    /// The stored numbers of a band, an index of [`ResolvedRecipe::inputs`].
    Band(usize),
    /// The values of an expression.
    Expression {
        /// The operations in postfix order.
        ops: Vec<Op>,
        /// The expression as the recipe has it.
        text: String,
        /// How values are stored.
        encoding: Encoding,
    },
}
