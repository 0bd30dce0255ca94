//! The recipes of the spectral indices.

use std::sync::{LazyLock, OnceLock};

use super::super::keys;
use super::super::text::document;
use super::super::value::Recipe;
use super::index::Index;
use super::table;

/// In the order of the table; each is read when it is first needed.
static RECIPES: LazyLock<Vec<OnceLock<Option<Recipe>>>> =
    LazyLock::new(|| table::all().iter().map(|_| OnceLock::new()).collect());

/// The recipe of the index with exactly this name; [`find`](super::find) knows other spellings.
pub fn recipe(name: &str) -> Option<&'static Recipe> {
    let mut indices = table::all().iter().zip(RECIPES.iter());
    let (index, place) = indices.find(|(index, _)| index.name == name)?;
    place.get_or_init(|| read(index)).as_ref()
}

/// A test reads each index, so that none is `None`.
fn read(index: &Index) -> Option<Recipe> {
    let tree = document::from_toml(index.name, &index.to_toml()).ok()?;
    keys::read(index.name, &tree, true).ok()
}

/// The names of all recipes, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    table::all().iter().map(|index| index.name)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::hex;

    #[test]
    fn every_index_is_a_built_in_recipe_of_its_name() {
        for index in table::all() {
            let text = index.to_toml();
            let recipe = Recipe::from_toml(index.name, &text).unwrap();
            assert_eq!(recipe.name(), index.name);
            assert_eq!(recipe.title(), index.title);
            assert!(recipe.is_builtin(), "{}", index.name);
            assert_eq!(super::recipe(index.name), Some(&recipe));
        }
        assert_eq!(names().count(), table::all().len());
    }

    #[test]
    fn the_text_of_an_index_is_fixed() {
        // Tasks in the ledger name a recipe by its digest, so another text is another recipe. An
        // index may be added; then this digest, which is that of all texts, is another one.
        let mut all = Sha256::new();
        for name in names() {
            all.update(recipe(name).unwrap().canonical());
            all.update("\n");
        }
        assert_eq!(
            hex::encode(&all.finalize()),
            "6f57100460e75c326f25b5685a794293d39b76bb47ef43baf67f5e93e77ceaa1"
        );
        assert_eq!(
            recipe("ndvi").unwrap().canonical(),
            "{\"name\":\"ndvi\",\"output\":[{\"dtype\":\"int16\",\
             \"expression\":\"(N - R)/(N + R)\",\"name\":\"ndvi\",\"nodata\":-32768,\
             \"scale\":1e-4}],\"title\":\"Normalized Difference Vegetation Index\"}"
        );
    }
}
