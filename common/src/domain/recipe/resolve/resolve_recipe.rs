//! From a recipe to the bands of one sensor.

use super::super::bands::{Band, find_band, list};
use super::super::expression::{Expression, Meaning, Op};
use super::super::sensor::Sensor;
use super::super::settings::Encoding;
use super::super::value::{Output, Recipe, Source};
use super::error::ResolveError;
use super::look_up::{Found, look_up};
use super::resolved::{
    InputBand, RasterFile, ResolvedMask, ResolvedOutput, ResolvedRecipe, ResolvedSource,
};

impl Recipe {
    /// The recipe for the bands of `sensor`.
    ///
    /// # Errors
    /// [`ResolveError`] when the sensor lacks a band.
    pub fn resolve(&self, sensor: Sensor) -> Result<ResolvedRecipe, ResolveError> {
        let mut inputs = Inputs {
            recipe: self,
            sensor,
            bands: vec![],
        };
        let mut files: Vec<RasterFile> = vec![];
        for output in &self.outputs {
            let (source, encoding) = inputs.source(output)?;
            let resolved = ResolvedOutput {
                name: output.name.clone(),
                source,
            };
            match files.iter_mut().find(|file| file.name == output.file) {
                // The reader of keys has seen to it that the encodings of one file agree.
                Some(file) => file.outputs.push(resolved),
                None => files.push(RasterFile {
                    name: output.file.clone(),
                    outputs: vec![resolved],
                    data_type: encoding.map(|encoding| encoding.data_type),
                    nodata: encoding.map(|encoding| encoding.nodata),
                }),
            }
        }
        let mask = inputs.mask()?;
        Ok(ResolvedRecipe {
            sensor,
            inputs: inputs.bands,
            mask,
            files,
            grid: self.grid,
            median: self.median,
            radiometry: self.radiometry,
            overviews: self.overviews,
        })
    }
}

/// The bands that a recipe reads, each once.
struct Inputs<'a> {
    recipe: &'a Recipe,
    sensor: Sensor,
    bands: Vec<InputBand>,
}

impl Inputs<'_> {
    /// The index of a band, which is added if it is new.
    fn index_of(&mut self, band: &Band, is_of_output: bool) -> usize {
        if let Some(index) = self.bands.iter().position(|known| known.band == band.key) {
            return index;
        }
        self.bands.push(InputBand {
            band: band.key.to_owned(),
            kind: band.kind,
            metres: band.metres,
            is_of_output,
        });
        self.bands.len() - 1
    }

    fn no_band(&self, name: &str) -> ResolveError {
        ResolveError::NoBand {
            recipe: self.recipe.name.clone(),
            band: name.to_owned(),
            sensor: self.sensor,
            known: list(self.sensor),
        }
    }

    fn source(
        &mut self,
        output: &Output,
    ) -> Result<(ResolvedSource, Option<Encoding>), ResolveError> {
        match &output.source {
            Source::Band(name) => {
                let band = find_band(self.sensor, name).ok_or_else(|| self.no_band(name))?;
                Ok((ResolvedSource::Band(self.index_of(band, true)), None))
            }
            Source::Expression {
                expression,
                encoding,
            } => {
                let source = ResolvedSource::Expression {
                    ops: self.ops(&output.name, expression)?,
                    text: expression.text().to_owned(),
                    encoding: *encoding,
                };
                Ok((source, Some(*encoding)))
            }
        }
    }

    fn ops(&mut self, output: &str, expression: &Expression) -> Result<Vec<Op>, ResolveError> {
        let recipe = self.recipe;
        // A missing band has a message of its own, which lists the bands of this sensor.
        let missing = expression
            .names()
            .into_iter()
            .find(|name| look_up(&recipe.constants, self.sensor, name).is_none());
        if let Some(name) = missing {
            return Err(self.no_band(name));
        }
        let sensor = self.sensor;
        let compiled =
            expression.compile(&mut |name| match look_up(&recipe.constants, sensor, name) {
                Some(Found::Constant(value)) => Ok(Meaning::Constant(value)),
                Some(Found::Band(band)) => Ok(Meaning::Input(self.index_of(band, true))),
                None => Err(list(sensor)),
            });
        compiled.map_err(|cause| ResolveError::Expression {
            recipe: recipe.name.clone(),
            output: output.to_owned(),
            cause: Box::new(cause),
        })
    }

    /// The first mask whose band the sensor has.
    fn mask(&mut self) -> Result<Option<ResolvedMask>, ResolveError> {
        let masks = &self.recipe.masks;
        if masks.is_empty() {
            return Ok(None);
        }
        let found = masks.iter().find_map(|mask| {
            let band = find_band(self.sensor, &mask.band)?;
            Some((mask, band))
        });
        let Some((mask, band)) = found else {
            let bands: Vec<&str> = masks.iter().map(|mask| mask.band.as_str()).collect();
            return Err(ResolveError::NoMask {
                recipe: self.recipe.name.clone(),
                masks: bands.join(", "),
                sensor: self.sensor,
            });
        };
        Ok(Some(ResolvedMask {
            input: self.index_of(band, false),
            test: mask.test.clone(),
            dilate: mask.dilate,
        }))
    }
}
