//! `recipes`: the built-in recipes, and one recipe as a file.

use std::collections::BTreeMap;

use serde::Serialize;
use tilefleet_common::domain::{Job, Recipe, Sensor, builtin_names};

use crate::cli::{Exit, Format, Output, RecipesArgs};
use crate::error::ProducerError;

/// A recipe, as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    /// The name that `--recipe` takes.
    name: &'static str,
    title: &'static str,
    digest: &'static str,
    /// The bands that are read, by the sensors that have them.
    bands: BTreeMap<&'static str, Vec<String>>,
}

impl Listed {
    /// The built-in recipe of that name, if `sensor`, or any sensor, has its bands.
    fn new(name: &'static str, sensor: Option<Sensor>) -> Option<Self> {
        let recipe = Recipe::builtin(name)?;
        let wanted = |of: &Sensor| sensor.is_none_or(|sensor| sensor == *of);
        let bands: BTreeMap<_, _> = Sensor::ALL
            .into_iter()
            .filter(wanted)
            .filter_map(|sensor| Some((sensor.name(), bands_of(recipe, sensor)?)))
            .collect();
        (!bands.is_empty()).then(|| Self {
            name,
            title: recipe.title(),
            digest: recipe.digest().as_str(),
            bands,
        })
    }

    /// Name, bands of the sensor that is listed first among those that have them, and title.
    fn row(&self) -> Vec<String> {
        let first = Sensor::ALL
            .iter()
            .find_map(|sensor| self.bands.get(sensor.name()));
        let bands = first.map(|bands| bands.join(" ")).unwrap_or_default();
        vec![self.name.to_owned(), bands, self.title.to_owned()]
    }
}

/// A recipe, as it is shown.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    title: &'a str,
    digest: &'a str,
    builtin: bool,
    bands: BTreeMap<&'static str, Vec<String>>,
    /// The text of a file that says the same.
    toml: String,
}

/// Lists the recipes, or shows one.
pub(crate) fn run(args: &RecipesArgs, output: &mut Output) -> Result<Exit, ProducerError> {
    match &args.recipe {
        Some(job) => {
            let job = match args.mask {
                Some(clouds) => job.with_cloud_mask(clouds)?,
                None => job.clone(),
            };
            show(&job, output)?;
        }
        None => list(args.sensor, output)?,
    }
    Ok(Exit::Ok)
}

fn list(sensor: Option<Sensor>, output: &mut Output) -> Result<(), ProducerError> {
    let listed: Vec<Listed> = builtin_names()
        .filter_map(|name| Listed::new(name, sensor))
        .collect();
    output.rows(&["NAME", "BANDS", "TITLE"], &listed, Listed::row)
}

fn show(job: &Job, output: &mut Output) -> Result<(), ProducerError> {
    match (job, output.format) {
        (Job::Raster(recipe), Format::Table) => output.text(&recipe.to_toml())?,
        (Job::Raster(recipe), Format::Json | Format::Ndjson) => {
            let sensors = Sensor::ALL.into_iter();
            let bands =
                sensors.filter_map(|sensor| Some((sensor.name(), bands_of(recipe, sensor)?)));
            output.json(&Shown {
                name: recipe.name(),
                title: recipe.title(),
                digest: recipe.digest().as_str(),
                builtin: recipe.is_builtin(),
                bands: bands.collect(),
                toml: recipe.to_toml(),
            })?;
        }
        (Job::Probe, _) => {
            output.outcome("recipe probe reads no band, and no file says it", &"probe")?;
        }
    }
    output.flush()
}

/// The bands of `sensor` that the recipe reads; `None` if it lacks one.
fn bands_of(recipe: &Recipe, sensor: Sensor) -> Option<Vec<String>> {
    let resolved = recipe.resolve(sensor).ok()?;
    Some(resolved.bands().into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printed;

    #[test]
    fn a_recipe_is_a_row_with_the_bands_of_the_sensor() {
        let row = |name, sensor| Listed::new(name, sensor).map(|listed| listed.row()[1].clone());
        let bands = |text: &str| Some(text.to_owned());
        assert_eq!(row("rgb", None), bands("B04 B03 B02"));
        assert_eq!(
            row("rgb", Some(Sensor::LandsatTm)),
            bands("SR_B3 SR_B2 SR_B1")
        );
        assert_eq!(row("scl", None), bands("SCL"));
        assert_eq!(row("scl", Some(Sensor::LandsatOli)), None);
    }

    #[test]
    fn a_shown_recipe_can_be_read_again() {
        for name in ["rgb", "split", "expr:(N - R) / (N + R)"] {
            let job: Job = name.parse().unwrap();
            let text = printed(Format::Table, |output| show(&job, output));
            let Job::Raster(recipe) = &job else { panic!() };
            let read = Recipe::from_toml("my.toml", &text).unwrap();
            assert_eq!(read.digest(), recipe.digest(), "{text}");
            let json = printed(Format::Ndjson, |output| show(&job, output));
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(json["toml"], text);
        }
    }
}
