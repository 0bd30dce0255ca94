//! Which kernel makes the raster of a recipe.

use std::sync::Arc;

use tilefleet_common::domain::{Output, Recipe};
use tilefleet_fuse::{Kernel, Stack};

/// The kernel that makes the outputs of `recipe` from its inputs, each of which is one band of the
/// request, in the order of [`Recipe::inputs`].
pub(super) fn of_recipe(recipe: &Recipe) -> Arc<dyn Kernel> {
    let bands = recipe.outputs().iter();
    let bands = bands.map(|Output { name, input }| (name.clone(), *input));
    Arc::new(Stack::of(bands.collect()))
}
