//! What the stored numbers of a cell's bands stand for.

use tilefleet_common::domain::{BandKind, Cell, Radiometry, ResolvedRecipe};
use tilefleet_fuse::ScaleOffset;
use tokio_util::sync::CancellationToken;

use super::plan::needs_reflectance;
use crate::cell::error::CellError;
use crate::cell::processor::CellProcessor;
use crate::cell::radiometry::{known_radiometry_of_cell, radiometry_of_cell};

/// What a recipe's `assume` answers: documents that say nothing, or that contradict each other.
const ASSUMED: [&str; 2] = ["unknown_radiometry", "radiometry_disagrees"];

/// The radiometry of the bands that a recipe reads, where it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scales {
    known: Option<Radiometry>,
}

impl Scales {
    /// With this radiometry.
    pub(crate) fn new(known: Option<Radiometry>) -> Self {
        Self { known }
    }

    /// Scale and offset of each input of the recipe.
    pub(crate) fn of_inputs(&self, recipe: &ResolvedRecipe) -> Vec<Option<ScaleOffset>> {
        let of_band = |band: &str| {
            let known = self.known.as_ref()?.of_band(band)?;
            Some(ScaleOffset {
                scale: known.scale,
                offset: known.offset,
            })
        };
        let inputs = recipe.inputs.iter();
        inputs.map(|input| of_band(&input.band)).collect()
    }

    /// The metadata items that say where scale and offset come from.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        let Some(known) = &self.known else {
            return vec![];
        };
        let baseline = known.baseline.iter();
        let baseline =
            baseline.map(|baseline| ("PROCESSING_BASELINE".to_owned(), baseline.clone()));
        let why = ("RADIOMETRY".to_owned(), known.why.clone());
        baseline.chain([why]).collect()
    }
}

/// The bands of which reflectance can be known.
pub(crate) fn bands_of_reflectance(recipe: &ResolvedRecipe) -> Vec<&str> {
    let inputs = recipe.inputs.iter();
    let reflect = inputs.filter(|input| input.kind == BandKind::Reflectance && input.is_of_output);
    reflect.map(|input| input.band.as_str()).collect()
}

impl CellProcessor {
    /// Looks the radiometry of a cell up. Rasters of stored numbers can do without.
    pub(super) async fn scales(
        &self,
        cell: &Cell,
        recipe: &ResolvedRecipe,
        cancel: &CancellationToken,
    ) -> Result<Scales, CellError> {
        let bands = bands_of_reflectance(recipe);
        if bands.is_empty() {
            return Ok(Scales::default());
        }
        let assumed = recipe.radiometry.assume;
        let assumed = assumed.map(|assumed| Radiometry::assumed(&bands, assumed));
        let mut files = recipe.files.iter();
        if !files.any(|file| needs_reflectance(recipe, file)) {
            let known = known_radiometry_of_cell(&self.objects, cell, &bands).await?;
            return Ok(Scales::new(known.or(assumed)));
        }
        match radiometry_of_cell(&self.objects, cell, &bands).await {
            Ok(known) => Ok(Scales::new(Some(known))),
            // Without the right to read a bucket, its documents seem not to exist either. Then the
            // bands say what is wrong.
            Err(CellError::Permanent(failure)) => {
                self.open(cell, &bands, cancel).await?;
                match assumed {
                    Some(_) if ASSUMED.contains(&failure.code.as_str()) => Ok(Scales::new(assumed)),
                    _ => Err(CellError::Permanent(failure)),
                }
            }
            Err(error) => Err(error),
        }
    }
}
