//! The built-in recipes: the files of the folder `recipes/`, compiled in by `build.rs`, and the
//! spectral indices (`indices`).

use std::sync::LazyLock;

use super::error::RecipeFileError;
use super::indices::{self, Index};
use super::keys;
use super::text::document;
use super::value::Recipe;

/// Name and text of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/recipes.rs"));

/// All of them, by their names. A test reads each file, so none is left out here.
static RECIPES: LazyLock<Vec<Recipe>> = LazyLock::new(|| {
    let read = |(file, text): &(&str, &str)| {
        keys::read(file, &document::from_toml(file, text).ok()?, true).ok()
    };
    let mut recipes: Vec<Recipe> = FILES.iter().filter_map(read).collect();
    recipes.sort_by(|one, other| one.name.cmp(&other.name));
    recipes
});

impl Recipe {
    /// The built-in recipe of exactly that name. The files of `recipes/` win over the indices.
    pub fn builtin(name: &str) -> Option<&'static Self> {
        let file = RECIPES.iter().find(|recipe| recipe.name == name);
        file.or_else(|| indices::recipe(name))
    }

    /// The built-in recipe of that name: exactly, or without regard to case if that is one recipe.
    ///
    /// # Errors
    /// [`RecipeFileError`] when there is no such recipe, or more than one.
    pub fn find_builtin(name: &str) -> Result<&'static Self, RecipeFileError> {
        if let Some(recipe) = Self::builtin(name) {
            return Ok(recipe);
        }
        let is_similar = |recipe: &&Self| recipe.name.eq_ignore_ascii_case(name);
        if let Some(recipe) = RECIPES.iter().find(is_similar) {
            return Ok(recipe);
        }
        let found = indices::find(name).map_err(|ambiguous| RecipeFileError::Ambiguous {
            name: ambiguous.name,
            known: ambiguous.known.join(", "),
        })?;
        let recipe = found.and_then(|index| indices::recipe(index.name));
        recipe.ok_or_else(|| RecipeFileError::UnknownName {
            name: name.to_owned(),
            known: known_names(),
        })
    }

    /// The text of the file from which a built-in recipe was made.
    pub(super) fn builtin_file(&self) -> Option<String> {
        if !self.builtin {
            return None;
        }
        let name = format!("{}.toml", self.name);
        let file = FILES.iter().find(|(file, _)| *file == name);
        let index = || indices::all().iter().find(|index| index.name == self.name);
        file.map(|(_, text)| (*text).to_owned())
            .or_else(|| index().map(Index::to_toml))
    }
}

/// The names of all built-in recipes: the files, sorted, then the indices.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    let files = RECIPES.iter().map(Recipe::name);
    let is_file = |name: &&str| RECIPES.iter().any(|recipe| recipe.name == *name);
    files.chain(indices::names().filter(move |name| !is_file(name)))
}

/// The names of the files, for a message, and how many others there are.
fn known_names() -> String {
    let files: Vec<&str> = RECIPES.iter().map(Recipe::name).collect();
    let others = builtin_names().count().saturating_sub(files.len());
    let files = files.join(", ");
    match others {
        0 => files,
        _ => format!("{files} and {others} spectral indices"),
    }
}

/// Whether it is a built-in recipe, by its digest.
pub(super) fn is_builtin(recipe: &Recipe) -> bool {
    Recipe::builtin(&recipe.name).is_some_and(|builtin| builtin.digest == recipe.digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Sensor;

    #[test]
    fn every_file_is_a_recipe_of_its_own_name() {
        for (file, text) in FILES {
            let recipe = Recipe::from_toml(file, text).unwrap();
            assert_eq!(format!("{}.toml", recipe.name()), *file);
            assert!(recipe.is_builtin(), "{file}");
            assert_eq!(recipe.file_stem(), recipe.name().to_ascii_uppercase());
        }
        assert!(Recipe::builtin("rgb").is_some());
    }

    #[test]
    fn a_name_is_found_without_regard_to_case() {
        assert_eq!(
            Recipe::find_builtin("False-Color").unwrap().name(),
            "false-color"
        );
        assert_eq!(Recipe::find_builtin("NDVI").unwrap().name(), "ndvi");
        assert_eq!(Recipe::find_builtin("BaI").unwrap().name(), "bai-soil");
        assert_eq!(
            Recipe::find_builtin("bai").unwrap_err().to_string(),
            "\"bai\" is the name of several recipes; write one of bai-burn, bai-soil as it stands here"
        );
        let complaint = Recipe::find_builtin("soup").unwrap_err().to_string();
        assert!(
            complaint.contains("false-color, rgb, scl, split"),
            "{complaint}"
        );
    }

    #[test]
    fn the_oldest_recipes_are_made_of_landsat_too() {
        let bands = |name, sensor| {
            let resolved = Recipe::builtin(name).unwrap().resolve(sensor).unwrap();
            resolved.bands().join(" ")
        };
        assert_eq!(bands("rgb", Sensor::Sentinel2), "B04 B03 B02");
        assert_eq!(bands("rgb", Sensor::LandsatOli), "SR_B4 SR_B3 SR_B2");
        assert_eq!(bands("rgb", Sensor::LandsatTm), "SR_B3 SR_B2 SR_B1");
        assert_eq!(
            bands("false-color", Sensor::LandsatOli),
            "SR_B5 SR_B4 SR_B3"
        );
    }

    #[test]
    fn a_split_is_one_raster_a_band() {
        for (name, sensor, count) in [
            ("split", Sensor::Sentinel2, 10),
            ("split-landsat", Sensor::LandsatTm, 6),
        ] {
            let recipe = Recipe::builtin(name).unwrap().resolve(sensor).unwrap();
            assert_eq!(recipe.files.len(), count);
            assert!(recipe.files.iter().all(|file| file.outputs.len() == 1));
        }
    }

    #[test]
    fn the_text_of_a_built_in_recipe_is_fixed() {
        // Tasks in the ledger name the recipe by this digest, so another text is another recipe:
        // give it another name.
        let digest = |name| Recipe::builtin(name).unwrap().digest().to_string();
        assert_eq!(
            digest("rgb"),
            "b57a986cb911a843b7b4f338f0961bc1fe97259b870b7c175a3f86d732c8fbcb"
        );
        assert_eq!(
            digest("false-color"),
            "207979e9a181e041ba63a21a30b50ad5bc396bbb1a17e242f5ab4738426b3c26"
        );
    }
}
