//! Recipes: what the bands of a cell become.
//!
//! A recipe is a value (`value`, `settings`) that is read from a TOML file (`file`), or made of an
//! expression (`derived`). The built-in ones are the files of the folder `recipes/` and the
//! spectral indices (`builtin`). Its canonical form is a JSON text (`text`): two files that say the
//! same have the same text, and its SHA-256 names the recipe in task ids and messages. Files and
//! canonical texts become the same tree, so there is one reader of keys (`keys`) for both.
//!
//! `expression` is the grammar of outputs, `bands` the names of bands, and `resolve` puts the bands
//! of a sensor in the place of names.

mod bands;
mod builtin;
mod derived;
mod digest;
mod error;
mod expression;
mod file;
pub mod indices;
mod job;
mod keys;
mod resolve;
mod sensor;
mod settings;
mod text;
mod value;

pub use bands::{Band, bands_of, find_band};
pub use builtin::builtin_names;
pub use derived::{CloudMask, NoCloudMask};
pub use digest::RecipeDigest;
pub use error::{RecipeError, RecipeFileError};
pub use expression::{Expression, ExpressionError, Op};
pub use job::{Job, JobId};
pub use resolve::{
    BandKind, InputBand, RasterFile, ResolveError, ResolvedMask, ResolvedOutput, ResolvedRecipe,
    ResolvedSource,
};
pub use sensor::Sensor;
pub use settings::{
    DataType, Downsample, Encoding, GridRule, MaskRule, MaskTest, Negative, Overviews,
    RadiometryRule, Resolution, ScaleOffset, Upsample,
};
pub use value::{MAX_RECIPE_BYTES, Output, Recipe, Source};
