//! The request to the fuse core.

use std::sync::Arc;

use crate::band::Band;
use crate::cog::{Compression, Overviews};
use crate::error::FuseError;
use crate::grid::Rect;
use crate::input::header::Header;
use crate::kernel::Kernel;
use crate::scale::{OutputScales, ScaleOffset};

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
    /// Scale and offset of the bands of the output.
    pub scales: OutputScales,
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

/// Scale and offset of each of so many bands of the output; nothing for numbers that stand for
/// themselves.
pub(crate) fn output_scales(
    request: &Request,
    headers: &[&Header],
    outputs: usize,
) -> Result<Vec<Option<ScaleOffset>>, FuseError> {
    let wrong = |detail: String| Err(FuseError::Request { detail });
    match &request.scales {
        OutputScales::Given(given) if given.len() != outputs => {
            let count = given.len();
            wrong(format!(
                "it has {count} scales and offsets for {outputs} outputs"
            ))
        }
        OutputScales::Given(given) => match given.iter().find(|scale| !scale.is_usable()) {
            Some(scale) => wrong(format!("an output has {scale}, which give no value")),
            None => Ok(given.iter().map(|scale| scale.unless_none()).collect()),
        },
        OutputScales::OfInputs => {
            let common = same_scale(request.bands.iter().zip(headers))?;
            Ok(vec![common; outputs])
        }
        OutputScales::Of(inputs) => {
            let named = |input: &usize| request.bands.get(*input).zip(headers.get(*input));
            let common = same_scale(inputs.iter().filter_map(named))?;
            Ok(vec![common; outputs])
        }
    }
}

/// Scale and offset of all these bands; fails unless all have those of the first.
fn same_scale<'a>(
    bands: impl Iterator<Item = (&'a Band, &'a &'a Header)>,
) -> Result<Option<ScaleOffset>, FuseError> {
    let mut inputs = bands.map(|(band, header)| (band, header.scale));
    let Some((first_band, first)) = inputs.next() else {
        return Ok(None);
    };
    let has = |scale: Option<ScaleOffset>| match scale {
        Some(scale) => format!("has {scale}"),
        None => "has neither scale nor offset".to_owned(),
    };
    match inputs.find(|(_, scale)| *scale != first) {
        None => Ok(first),
        Some((band, scale)) => Err(FuseError::BandMismatch {
            what: "scale and offset",
            one: Box::new(band.into()),
            one_has: has(scale),
            other: Box::new(first_band.into()),
            other_has: has(first),
        }),
    }
}
