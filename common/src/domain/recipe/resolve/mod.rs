//! Recipes resolved for one sensor: bands instead of names, operations instead of expressions.

mod error;
mod look_up;
mod resolve_recipe;
mod resolved;

pub use error::ResolveError;
pub(super) use look_up::{Found, look_up};
pub use resolved::{
    BandKind, InputBand, RasterFile, ResolvedMask, ResolvedOutput, ResolvedRecipe, ResolvedSource,
};
