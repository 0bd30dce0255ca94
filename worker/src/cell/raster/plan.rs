//! What the fuse core does for one raster of a recipe.

use std::sync::Arc;

use tilefleet_common::domain as recipe;
use tilefleet_common::domain::{
    BandKind, DataType, InputBand, Negative, RasterFile, ResolvedRecipe, ResolvedSource,
};
use tilefleet_fuse as fuse;
use tilefleet_fuse::kernel::{
    Area, Computation, Compute, ComputedOutput, Measure, Program, Resolution, Source,
};
use tilefleet_fuse::{
    FuseError, Kernel, KernelError, Nodata, OutputScales, Prepared, ScaleOffset, Stack,
    kernel as fuse_kernel,
};

/// A raster of a recipe, as the fuse core makes it.
#[derive(Debug, Clone)]
pub(crate) struct RasterPlan {
    /// The bands that it needs, as indices of [`ResolvedRecipe::inputs`]: those of the outputs in the
    /// order in which these name them, then that of the mask.
    inputs: Vec<usize>,
    /// Scale and offset of the outputs.
    pub(crate) scales: OutputScales,
    /// How overviews are made.
    pub(crate) overviews: fuse::Overviews,
    /// Scale and offset of the bands, where they are known.
    known: Vec<Option<ScaleOffset>>,
    /// What copies nothing, where that is enough.
    stack: Option<Stack>,
    computation: Computation,
}

impl RasterPlan {
    /// Plans the raster `file` of `recipe`. `scales` has the scale and offset of each input of the
    /// recipe, where they are known.
    ///
    /// # Errors
    /// [`KernelError`] when an expression needs the reflectance of a band without scale and offset.
    pub(crate) fn new(
        recipe: &ResolvedRecipe,
        file: &RasterFile,
        scales: &[Option<ScaleOffset>],
    ) -> Result<Self, KernelError> {
        let inputs = inputs_of(recipe, file);
        let parts = Parts {
            recipe,
            file,
            scales,
            inputs: &inputs,
        };
        Ok(Self {
            scales: parts.output_scales(),
            overviews: overviews(recipe.overviews),
            stack: parts.stack(),
            computation: parts.computation()?,
            known: inputs.iter().map(|&input| parts.scale_of(input)).collect(),
            inputs,
        })
    }

    /// The names of the bands that it needs, in the order of the kernel's inputs.
    pub(crate) fn bands<'r>(&self, recipe: &'r ResolvedRecipe) -> Vec<&'r str> {
        let band = |&input: &usize| Some(recipe.inputs.get(input)?.band.as_str());
        self.inputs.iter().filter_map(band).collect()
    }

    /// What makes the whole raster.
    pub(super) fn kernel(&self) -> Result<Arc<dyn Kernel>, KernelError> {
        match &self.stack {
            Some(stack) => Ok(Arc::new(stack.clone())),
            None => self.clipped(None),
        }
    }

    /// Compares what the metadata of the product say with what the files of the bands say
    /// themselves.
    ///
    /// # Errors
    /// What is wrong, when a file says something else.
    pub(crate) fn confirm(&self, prepared: &Prepared) -> Result<(), FuseError> {
        let of_files = prepared.input_scales();
        for ((band, known), of_file) in prepared.inputs().iter().zip(&self.known).zip(of_files) {
            if let (Some(known), Some(of_file)) = (known, of_file)
                && !is_same(*known, of_file)
            {
                return Err(FuseError::Request {
                    detail: format!(
                        "the file of band {} has {of_file}, and its product or the recipe says \
                         {known}: correct the one that is wrong",
                        band.name
                    ),
                });
            }
        }
        Ok(())
    }

    /// What makes the part of it that is in the area.
    pub(crate) fn clipped(
        &self,
        area: Option<Arc<dyn Area>>,
    ) -> Result<Arc<dyn Kernel>, KernelError> {
        let computation = self.computation.clone();
        Ok(Arc::new(Compute::new(Computation {
            area,
            ..computation
        })?))
    }
}

/// Whether the raster needs reflectance: an expression reads a band that has it.
pub(crate) fn needs_reflectance(recipe: &ResolvedRecipe, file: &RasterFile) -> bool {
    let reads_reflectance = |source: &ResolvedSource| {
        matches!(source, ResolvedSource::Expression { .. })
            && inputs_of_source(source).iter().any(|&input| {
                let input = recipe.inputs.get(input);
                input.is_some_and(|input| input.kind == BandKind::Reflectance)
            })
    };
    let mut outputs = file.outputs.iter();
    outputs.any(|output| reads_reflectance(&output.source))
}

fn inputs_of_source(source: &ResolvedSource) -> Vec<usize> {
    match source {
        ResolvedSource::Band(input) => vec![*input],
        ResolvedSource::Expression { ops, .. } => {
            let input = |op: &recipe::Op| match op {
                recipe::Op::Input(input) => Some(*input),
                _ => None,
            };
            ops.iter().filter_map(input).collect()
        }
    }
}

/// Each input that the raster needs, once.
fn inputs_of(recipe: &ResolvedRecipe, file: &RasterFile) -> Vec<usize> {
    let of_outputs = file
        .outputs
        .iter()
        .flat_map(|output| inputs_of_source(&output.source));
    let of_mask = recipe.mask.iter().map(|mask| mask.input);
    let mut inputs = vec![];
    for input in of_outputs.chain(of_mask) {
        if !inputs.contains(&input) {
            inputs.push(input);
        }
    }
    inputs
}

/// What a plan is made of.
struct Parts<'a> {
    recipe: &'a ResolvedRecipe,
    file: &'a RasterFile,
    scales: &'a [Option<ScaleOffset>],
    inputs: &'a [usize],
}

impl Parts<'_> {
    /// The place of an input of the recipe among those of the raster, which has it.
    fn place(&self, input: usize) -> usize {
        let place = self.inputs.iter().position(|known| *known == input);
        place.unwrap_or_default()
    }

    fn bands(&self) -> impl Iterator<Item = &InputBand> {
        let band = |&input: &usize| self.recipe.inputs.get(input);
        self.inputs.iter().filter_map(band)
    }

    fn scale_of(&self, input: usize) -> Option<ScaleOffset> {
        self.scales.get(input).copied().flatten()
    }

    /// The kernel that copies nothing, for bands of one grid as they are.
    fn stack(&self) -> Option<Stack> {
        let recipe = self.recipe;
        let is_whole = recipe.mask.is_none() && recipe.median.is_none();
        let is_finest = recipe.grid.resolution == recipe::Resolution::Finest;
        let first = self.bands().next()?;
        let is_alike = |band: &InputBand| {
            band.metres.to_bits() == first.metres.to_bits() && band.kind == first.kind
        };
        if !is_whole || !is_finest || !self.bands().all(is_alike) {
            return None;
        }
        let output = |output: &recipe::ResolvedOutput| match output.source {
            ResolvedSource::Band(input) => Some((output.name.clone(), self.place(input))),
            ResolvedSource::Expression { .. } => None,
        };
        let outputs: Option<Vec<_>> = self.file.outputs.iter().map(output).collect();
        outputs.map(Stack::of)
    }

    fn computation(&self) -> Result<Computation, KernelError> {
        let recipe = self.recipe;
        let measures = self.inputs.iter().map(|&input| self.measure(input));
        let mask = recipe.mask.as_ref().map(|mask| fuse_kernel::Mask {
            input: self.place(mask.input),
            test: match &mask.test {
                recipe::MaskTest::Values(values) => fuse_kernel::MaskTest::Values(values.clone()),
                recipe::MaskTest::Bits(bits) => fuse_kernel::MaskTest::Bits(bits.clone()),
                recipe::MaskTest::Above(limit) => fuse_kernel::MaskTest::Above(*limit),
            },
            dilate: mask.dilate,
        });
        let outputs = self.file.outputs.iter().map(|output| self.output(output));
        Ok(Computation {
            measures: measures.collect::<Result<_, _>>()?,
            mask,
            resolution: self.resolution(),
            upsample: match recipe.grid.upsample {
                recipe::Upsample::Nearest => fuse_kernel::Upsample::Nearest,
                recipe::Upsample::Bilinear => fuse_kernel::Upsample::Bilinear,
            },
            downsample: match recipe.grid.downsample {
                recipe::Downsample::Average => fuse_kernel::Downsample::Average,
                recipe::Downsample::Nearest => fuse_kernel::Downsample::Nearest,
                recipe::Downsample::Wavelet => {
                    return Err(KernelError::new(
                        "downsample = \"wavelet\" is not supported yet; use average or nearest",
                    ));
                }
            },
            outputs: outputs.collect::<Result<_, _>>()?,
            nodata: self.nodata(),
            median: recipe.median,
            area: None,
        })
    }

    /// The grid is that of the finest band among those of the outputs. So a raster of `split` has
    /// the pixels of its band.
    fn resolution(&self) -> Resolution {
        if let recipe::Resolution::Metres(metres) = self.recipe.grid.resolution {
            return Resolution::Metres(metres);
        }
        let sources = self.file.outputs.iter().map(|output| &output.source);
        let of_outputs: Vec<usize> = sources.flat_map(inputs_of_source).collect();
        let places = self.inputs.iter().enumerate();
        let of = places.filter(|(_, input)| of_outputs.contains(input));
        Resolution::Finest {
            of: of.map(|(place, _)| place).collect(),
        }
    }

    fn measure(&self, input: usize) -> Result<Measure, KernelError> {
        let Some(band) = self.recipe.inputs.get(input) else {
            return Ok(Measure::Number);
        };
        match band.kind {
            BandKind::Class | BandKind::Bits => Ok(Measure::Class),
            BandKind::Probability | BandKind::Other => Ok(Measure::Number),
            BandKind::Reflectance => match self.scale_of(input) {
                Some(ScaleOffset { scale, offset }) => Ok(Measure::Reflectance {
                    scale,
                    offset,
                    clamp: self.recipe.radiometry.negative == Negative::Clamp,
                }),
                None if needs_reflectance(self.recipe, self.file) => {
                    let detail = format!(
                        "no scale and offset of band {} are known; name them in the recipe: [radiometry] assume = {{ scale = …, offset = … }}",
                        band.band
                    );
                    Err(KernelError::new(detail))
                }
                None => Ok(Measure::Number),
            },
        }
    }

    fn output(&self, output: &recipe::ResolvedOutput) -> Result<ComputedOutput, KernelError> {
        let (source, scale, offset) = match &output.source {
            ResolvedSource::Band(input) => (Source::Input(self.place(*input)), 1.0, 0.0),
            ResolvedSource::Expression { ops, encoding, .. } => {
                let ops = ops.iter().map(|op| self.op(*op));
                let program = Source::Program(Program::new(ops)?);
                (program, encoding.scale, encoding.offset)
            }
        };
        Ok(ComputedOutput {
            name: output.name.clone(),
            source,
            scale,
            offset,
        })
    }

    fn op(&self, op: recipe::Op) -> fuse_kernel::Op {
        use recipe::Op;
        match op {
            Op::Input(input) => fuse_kernel::Op::Input(self.place(input)),
            Op::Number(number) => fuse_kernel::Op::Number(number),
            Op::Negate => fuse_kernel::Op::Negate,
            Op::Add => fuse_kernel::Op::Add,
            Op::Subtract => fuse_kernel::Op::Subtract,
            Op::Multiply => fuse_kernel::Op::Multiply,
            Op::Divide => fuse_kernel::Op::Divide,
            Op::Power => fuse_kernel::Op::Power,
            Op::Less => fuse_kernel::Op::Less,
            Op::LessEqual => fuse_kernel::Op::LessEqual,
            Op::Greater => fuse_kernel::Op::Greater,
            Op::GreaterEqual => fuse_kernel::Op::GreaterEqual,
            Op::Equal => fuse_kernel::Op::Equal,
            Op::NotEqual => fuse_kernel::Op::NotEqual,
            Op::Where => fuse_kernel::Op::Where,
            Op::Min(operands) => fuse_kernel::Op::Min(operands),
            Op::Max(operands) => fuse_kernel::Op::Max(operands),
            Op::Absolute => fuse_kernel::Op::Absolute,
            Op::SquareRoot => fuse_kernel::Op::SquareRoot,
            Op::Exponential => fuse_kernel::Op::Exponential,
            Op::Logarithm => fuse_kernel::Op::Logarithm,
            Op::Clamp => fuse_kernel::Op::Clamp,
        }
    }

    /// Type and nodata value of the outputs. Numbers that are copied keep the type of their bands.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a nodata value is one of the type: the reader of the recipe's keys sees to it"
    )]
    fn nodata(&self) -> Nodata {
        let nodata = self.file.nodata;
        match self.file.data_type {
            Some(DataType::UInt8) => Nodata::U8(nodata.unwrap_or_default() as u8),
            Some(DataType::UInt16) => Nodata::U16(nodata.unwrap_or_default() as u16),
            Some(DataType::Int16) => Nodata::I16(nodata.unwrap_or_default() as i16),
            Some(DataType::Float32) => Nodata::F32(nodata.unwrap_or(f64::NAN) as f32),
            None => {
                let is_byte =
                    |band: &InputBand| matches!(band.kind, BandKind::Class | BandKind::Probability);
                let mut copied = self.file.outputs.iter().flat_map(|output| {
                    let inputs = inputs_of_source(&output.source);
                    inputs
                        .into_iter()
                        .filter_map(|input| self.recipe.inputs.get(input))
                });
                if copied.all(is_byte) {
                    Nodata::U8(0)
                } else {
                    Nodata::U16(0)
                }
            }
        }
    }

    /// What the numbers of the outputs mean: what the recipe says for expressions, and what the
    /// product says for bands. If that is unknown, what the files say.
    fn output_scales(&self) -> OutputScales {
        let scale = |output: &recipe::ResolvedOutput| match &output.source {
            ResolvedSource::Expression { encoding, .. } => Some(ScaleOffset {
                scale: encoding.scale,
                offset: encoding.offset,
            }),
            ResolvedSource::Band(input) => self.scale_of(*input),
        };
        let given: Vec<_> = self.file.outputs.iter().map(scale).collect();
        // A band that only masks has no part in it.
        if given.iter().all(Option::is_none) {
            let sources = self.file.outputs.iter().map(|output| &output.source);
            let inputs = sources.flat_map(inputs_of_source);
            return OutputScales::Of(inputs.map(|input| self.place(input)).collect());
        }
        let given = given
            .into_iter()
            .map(|scale| scale.unwrap_or(ScaleOffset::NONE));
        OutputScales::Given(given.collect())
    }
}

/// Whether both make the same reflectance: within a millionth of the scale, and a thousandth of a step
/// in the offset.
fn is_same(one: ScaleOffset, other: ScaleOffset) -> bool {
    let step = one.scale.abs().max(other.scale.abs());
    (one.scale - other.scale).abs() <= step * 1e-6
        && (one.offset - other.offset).abs() <= step * 1e-3
}

fn overviews(overviews: recipe::Overviews) -> fuse::Overviews {
    match overviews {
        recipe::Overviews::Average => fuse::Overviews::Average,
        recipe::Overviews::Nearest => fuse::Overviews::Nearest,
        recipe::Overviews::Mode => fuse::Overviews::Mode,
    }
}
