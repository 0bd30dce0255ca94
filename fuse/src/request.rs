//! The request to the fuse core.

use std::sync::Arc;

use crate::band::Band;
use crate::cog::{Compression, Overviews};
use crate::error::FuseError;
use crate::grid::Rect;
use crate::kernel::Kernel;

/// What to make of which bands.
#[derive(Clone, Debug)]
pub struct Request {
    /// In the order of the kernel's inputs: B04, B03, B02 for a stack in true colour.
    pub bands: Vec<Band>,
    /// What makes the bands of the output of these. Three bands of unsigned samples are marked as
    /// red, green and blue.
    pub kernel: Arc<dyn Kernel>,
    /// The part of the grid that the output is, in pixels of the grid; all of it by default. Its
    /// pixels are those that the whole output has there. Tiles that it does not need are not read.
    pub crop: Option<Rect>,
    /// How the overviews are made.
    pub overviews: Overviews,
    /// Compression of the output.
    pub compression: Compression,
    /// Metadata items of the output as a whole, such as `TILE` and `DATE`. The same cell must give
    /// the same items: they are part of the bytes. Items named `TIFFTAG_…` become TIFF tags (GDAL's
    /// `GTiff` driver, "Metadata").
    pub metadata: Vec<(String, String)>,
    /// Threads that decode and compress, at least one. They have no part in the bytes of the
    /// output.
    pub threads: usize,
}

/// How far a fusion is, in pixels of all bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Decoded and put into place.
    pub done: u64,
    /// To do in all.
    pub total: u64,
}

/// Fails for names and items that XML or TIFF cannot hold. They would be lost in the file without a
/// word.
pub(crate) fn check_names(request: &Request) -> Result<(), FuseError> {
    check_band_names(request.bands.iter().map(|band| &band.name))?;
    for (key, value) in &request.metadata {
        let is_key = key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if key.is_empty() || !is_key || value.chars().any(|c| c.is_control() && c != '\n') {
            return Err(FuseError::Request {
                detail: format!(
                    "the metadata item \"{}\" cannot be written to a TIFF",
                    key.escape_debug()
                ),
            });
        }
    }
    Ok(())
}

/// Fails for names of bands that XML cannot hold.
pub(crate) fn check_band_names<'n>(
    names: impl IntoIterator<Item = &'n String>,
) -> Result<(), FuseError> {
    let is_wrong = |name: &&String| name.is_empty() || name.chars().any(char::is_control);
    match names.into_iter().find(is_wrong) {
        None => Ok(()),
        Some(name) => Err(FuseError::Request {
            detail: format!("\"{}\" cannot be the name of a band", name.escape_debug()),
        }),
    }
}
