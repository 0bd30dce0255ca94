//! The recipes of the spectral indices.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::super::keys;
use super::super::text::document;
use super::super::value::Recipe;
use super::index::Index;
use super::table::all;

/// The recipes that were asked for so far, by name. A program needs one or two of hundreds.
static RECIPES: LazyLock<Mutex<BTreeMap<&'static str, &'static Recipe>>> =
    LazyLock::new(Mutex::default);

/// The recipe of the index of exactly that name.
pub(in super::super) fn recipe(name: &str) -> Option<&'static Recipe> {
    let index = all().iter().find(|index| index.name == name)?;
    let mut recipes = RECIPES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recipe) = recipes.get(index.name) {
        return Some(recipe);
    }
    let recipe = Box::leak(Box::new(read(index)?));
    recipes.insert(index.name, recipe);
    Some(recipe)
}

/// The names of all indices, sorted.
pub(in super::super) fn names() -> impl Iterator<Item = &'static str> {
    all().iter().map(|index| index.name)
}

/// A test reads each index, so that there is none without a recipe.
fn read(index: &Index) -> Option<Recipe> {
    let text = document::from_toml(index.name, &index.to_toml()).ok()?;
    keys::read(index.name, &text, true).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{RecipeDigest, Sensor};

    #[test]
    fn every_index_is_a_recipe_that_sentinel_2_has_the_bands_for() {
        for name in names() {
            let recipe = recipe(name).unwrap_or_else(|| panic!("{name} is no recipe"));
            assert!(recipe.is_builtin());
            let resolved = recipe.resolve(Sensor::Sentinel2);
            assert!(resolved.is_ok(), "{name}: {resolved:?}");
        }
    }

    #[test]
    fn the_texts_of_the_indices_are_fixed() {
        // Tasks in the ledger name recipes by their digests, so another text is another recipe.
        let texts: Vec<String> = names()
            .filter_map(recipe)
            .map(|recipe| recipe.digest().to_string())
            .collect();
        assert_eq!(RecipeDigest::of(&texts.join("\n")).to_string(), "?");
    }
}
