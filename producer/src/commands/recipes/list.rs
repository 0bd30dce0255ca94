//! The list of the built-in recipes.

use std::collections::BTreeMap;

use serde::Serialize;
use tilefleet_common::domain::{Recipe, Sensor, builtin_names};

use super::bands::bands_of;
use crate::cli::Output;
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

/// Lists the recipes that can be made of the bands of `sensor`, or of any.
pub(super) fn list(sensor: Option<Sensor>, output: &mut Output) -> Result<(), ProducerError> {
    let listed: Vec<Listed> = builtin_names()
        .filter_map(|name| Listed::new(name, sensor))
        .collect();
    output.rows(&["NAME", "BANDS", "TITLE"], &listed, Listed::row)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
