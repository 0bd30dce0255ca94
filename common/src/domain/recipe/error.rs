//! Why a text is not a recipe.

use std::fmt;

use super::value::MAX_RECIPE_BYTES;

/// Why a text is not a recipe: where it stands, and what was expected there.
///
/// The line counts from 1. A canonical text has one line, so its errors name none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecipeError {
    pub(super) source: String,
    pub(super) line: Option<usize>,
    pub(super) problem: Problem,
}

impl std::error::Error for RecipeError {}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// What is wrong with a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub(super) enum Problem {
    #[error("the recipe is too long; at most {MAX_RECIPE_BYTES} bytes are read")]
    TooLarge,
    #[error("not {expected}: {cause}")]
    Syntax {
        expected: &'static str,
        cause: String,
    },
    #[error("unknown key \"{key}\"; {owner} has {known}")]
    UnknownKey {
        key: String,
        owner: &'static str,
        known: String,
    },
    #[error("no {key}; {owner} has one, such as {example}")]
    Missing {
        key: &'static str,
        owner: &'static str,
        example: &'static str,
    },
    #[error("{key} is {found}; expected {expected}")]
    Wrong {
        key: &'static str,
        found: String,
        expected: &'static str,
    },
    #[error("the name \"{0}\" is taken: --recipe {0} reads no band; choose another")]
    Reserved(String),
    #[error("a second output is named \"{0}\"; give each output a name of its own")]
    Repeated(String),
}

/// Why `--recipe` names no recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeFileError {
    /// Not the name of a built-in recipe.
    #[error(
        "\"{name}\" is not a recipe; built in are {known}; the name of a file ends in .toml or contains a /"
    )]
    UnknownName {
        /// The name as it was given.
        name: String,
        /// The built-in names.
        known: String,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read: {cause}; expected a recipe as a TOML file")]
    Unreadable {
        /// The file.
        path: String,
        /// Why; it is part of the message, and not a source, which would print it twice.
        cause: std::io::Error,
    },
    /// The file is not a recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}
