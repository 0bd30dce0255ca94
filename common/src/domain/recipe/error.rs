//! Why a text is not a recipe.

use std::fmt;

use super::expression::ExpressionError;
use super::sensor::Sensor;
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
    #[error("\"{name}\" is a band of no sensor; {known}")]
    UnknownBand { name: String, known: String },
    #[error("{0}")]
    Expression(Box<ExpressionError>),
    #[error(
        "an output has either band or expression; write band = \"B04\" or expression = \"(N - R) / (N + R)\""
    )]
    OneSource,
    #[error(
        "{0} stands beside band, whose stored numbers are copied; remove {0}, or write an expression instead of band"
    )]
    BesideBand(&'static str),
    #[error(
        "outputs \"{one}\" and \"{other}\" are in one raster, but differ in {what}; let them agree, or give each a \
         raster of its own with file = \"{other}\""
    )]
    Differ {
        one: String,
        other: String,
        what: &'static str,
    },
    #[error("no sensor has all bands of the recipe: {0}")]
    NoSensor(String),
    #[error(
        "{sensor} is masked by {first} already, and this mask by {second} would never be used: the first whose band the sensor has is; put all values into one mask"
    )]
    MaskedTwice {
        sensor: Sensor,
        first: String,
        second: String,
    },
    #[error("a mask has one of values, bits and above; write one of them")]
    OneTest,
    #[error("{band} holds {holds}, which {test} does not test; write {instead}")]
    Test {
        band: String,
        holds: &'static str,
        test: &'static str,
        instead: &'static str,
    },
    #[error("the constant \"{0}\" has the name of {1}; give it another name")]
    ConstantName(String, &'static str),
    #[error("a class has no {what}; {instead}")]
    Class {
        what: &'static str,
        instead: &'static str,
    },
    #[error("downsample = \"wavelet\" is not built yet; write \"average\" or \"nearest\"")]
    Wavelet,
    #[error("the recipe has masks already; remove them from it, or leave out --mask")]
    HasMasks,
    #[error("recipe probe reads no band that could be masked; leave out --mask")]
    MaskOfProbe,
}

/// Why `--recipe` names no recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeFileError {
    /// Not the name of a built-in recipe.
    #[error(
        "\"{name}\" is not a recipe; `producer recipes` lists {known}; the name of a file ends in .toml or contains a /, \
         and an expression begins with expr:"
    )]
    UnknownName {
        /// The name as it was given.
        name: String,
        /// Some of the built-in names.
        known: String,
    },
    /// Without regard to case, the names of several built-in recipes.
    #[error("\"{name}\" is the name of several recipes; write one of {known} as it stands here")]
    Ambiguous {
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
