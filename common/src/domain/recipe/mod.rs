//! Recipes: what the bands of a cell become.
//!
//! A recipe is a value that is read from a TOML file (`file`). The built-in ones are the files of
//! the folder `recipes/` (`builtin`). Its canonical form is a JSON text (`canonical`): two files
//! that say the same have the same text, and its SHA-256 names the recipe in task ids and messages.
//! Files and canonical texts become the same tree (`document`), so there is one reader of keys
//! (`keys`) for both.

mod bands;
mod builtin;
mod canonical;
mod digest;
mod document;
mod error;
mod file;
pub mod indices;
mod job;
mod keys;
mod value;

pub use builtin::builtin_names;
pub use digest::RecipeDigest;
pub use error::{RecipeError, RecipeFileError};
pub use job::{Job, JobId};
pub use value::{MAX_RECIPE_BYTES, Output, Recipe};
