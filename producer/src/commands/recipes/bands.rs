//! The bands that a recipe reads.

use tilefleet_common::domain::{Recipe, Sensor};

/// The bands of `sensor` that the recipe reads; `None` if it lacks one.
pub(super) fn bands_of(recipe: &Recipe, sensor: Sensor) -> Option<Vec<String>> {
    let resolved = recipe.resolve(sensor).ok()?;
    Some(resolved.bands().into_iter().map(str::to_owned).collect())
}
