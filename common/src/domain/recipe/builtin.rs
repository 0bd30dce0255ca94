//! The built-in recipes: the files of the folder `recipes/`, compiled in by `build.rs`.

use std::sync::LazyLock;

use super::digest::RecipeDigest;
use super::value::Recipe;
use super::{document, keys};

/// Name and text of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/recipes.rs"));

/// All of them, by the names of their files. A test reads each file, so none is left out here.
static RECIPES: LazyLock<Vec<Recipe>> = LazyLock::new(|| {
    let read = |(file, text): &(&str, &str)| {
        keys::read(file, &document::from_toml(file, text).ok()?, true).ok()
    };
    FILES.iter().filter_map(read).collect()
});

impl Recipe {
    /// The built-in recipe of that name.
    pub fn builtin(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }
}

/// The names of all built-in recipes, sorted.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    RECIPES.iter().map(Recipe::name)
}

/// Whether a built-in recipe has this digest.
pub(super) fn is_builtin(digest: &RecipeDigest) -> bool {
    RECIPES.iter().any(|recipe| recipe.digest == *digest)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_text_of_a_built_in_recipe_is_fixed() {
        // Tasks in the ledger name the recipe by this digest, so another text is another recipe: give
        // it another name.
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
