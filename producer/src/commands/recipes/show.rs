//! One recipe as a file.

use std::collections::BTreeMap;

use serde::Serialize;
use tilefleet_common::domain::{Job, Sensor};

use super::bands::bands_of;
use crate::cli::{Format, Output};
use crate::error::ProducerError;

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

/// Shows the recipe of a job.
pub(super) fn show(job: &Job, output: &mut Output) -> Result<(), ProducerError> {
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

#[cfg(test)]
mod tests {
    use tilefleet_common::domain::Recipe;

    use super::*;
    use crate::cli::printed;

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
