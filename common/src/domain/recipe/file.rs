//! Recipes from texts and files, and back.

use std::fs::File;
use std::io::Read as _;

use super::error::{Problem, RecipeError, RecipeFileError};
use super::text::{document, toml};
use super::value::{MAX_RECIPE_BYTES, Recipe};
use super::{builtin, keys};

impl Recipe {
    /// Reads the text of a TOML file; `source` is the file's name in error messages. A text that
    /// says what a built-in recipe says is that recipe.
    ///
    /// # Errors
    /// [`RecipeError`] with the line and what was expected there. Unknown keys are errors.
    pub fn from_toml(source: &str, text: &str) -> Result<Self, RecipeError> {
        within_limit(source, text)?;
        let mut recipe = keys::read(source, &document::from_toml(source, text)?, false)?;
        recipe.builtin = builtin::is_builtin(&recipe);
        Ok(recipe)
    }

    /// Reads a canonical text; `source` is what has it, for error messages, and `builtin` whether
    /// the recipe came with the program that submitted the task.
    ///
    /// # Errors
    /// [`RecipeError`] when this version does not understand the text.
    pub fn from_canonical(source: &str, text: &str, builtin: bool) -> Result<Self, RecipeError> {
        within_limit(source, text)?;
        keys::read(source, &document::from_json(source, text)?, builtin)
    }

    /// Reads the TOML file at `path`.
    ///
    /// # Errors
    /// [`RecipeFileError`] when it cannot be read or is not a recipe.
    pub fn read(path: &str) -> Result<Self, RecipeFileError> {
        let unreadable = |cause| RecipeFileError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let mut text = String::new();
        // One byte more than the limit shows that there is more, without reading all of it.
        File::open(path)
            .map_err(unreadable)?
            .take(MAX_RECIPE_BYTES as u64 + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        Ok(Self::from_toml(path, &text)?)
    }

    /// The recipe as the text of a TOML file: that of `recipes/` if it was made of one, with its
    /// comments, else one that says the same.
    pub fn to_toml(&self) -> String {
        let written = || {
            let tree = document::from_json(&self.name, &self.canonical);
            tree.map(|tree| toml::text(&tree)).unwrap_or_default()
        };
        self.builtin_file().unwrap_or_else(written)
    }
}

fn within_limit(source: &str, text: &str) -> Result<(), RecipeError> {
    if text.len() <= MAX_RECIPE_BYTES {
        return Ok(());
    }
    Err(RecipeError {
        source: source.to_owned(),
        line: None,
        problem: Problem::TooLarge,
    })
}
