//! Which kernel makes the raster of a recipe.

use std::sync::Arc;

use tilefleet_common::domain::{RasterFile, ResolvedOutput, ResolvedSource};
use tilefleet_fuse::{Kernel, Stack};

/// The kernel that makes the outputs of `file` from the inputs of its recipe, each of which is one
/// band of the request, in the recipe's order. `None` if an output is more than a band.
pub(super) fn of_file(file: &RasterFile) -> Option<Arc<dyn Kernel>> {
    let band = |output: &ResolvedOutput| match output.source {
        ResolvedSource::Band(input) => Some((output.name.clone(), input)),
        ResolvedSource::Expression { .. } => None,
    };
    let bands: Option<Vec<_>> = file.outputs.iter().map(band).collect();
    Some(Arc::new(Stack::of(bands?)))
}
