//! Which objects are the bands of a cell.

use std::collections::BTreeMap;

use tilefleet_common::aws::ListedObject;
use tilefleet_common::domain::{
    Job, LandsatLevel, LandsatProduct, S3Url, ScenePath, band_in_object_name,
};

use super::error::CellError;

/// The bands in a prefix with the layout of a scene bucket, where their names are known.
pub(super) fn assets_of_layout(
    prefix: &S3Url,
    path: &ScenePath,
    job: &Job,
) -> BTreeMap<String, S3Url> {
    let bands = job.inputs().iter();
    bands
        .map(|band| (band.clone(), prefix.join(&path.object_of(band))))
        .collect()
}

/// The bands among the assets that a cell names. Only those that the recipe reads are kept, so that
/// a task's content does not depend on the others.
pub(super) fn assets_of_job(
    mut given: BTreeMap<String, S3Url>,
    job: &Job,
) -> Result<BTreeMap<String, S3Url>, CellError> {
    let inputs = job.inputs();
    let asset = |band: &String| {
        let url = given.remove(band).ok_or_else(|| CellError::MissingAsset {
            band: band.clone(),
            recipe: job.name().to_owned(),
            bands: inputs.join(", "),
        })?;
        if url.object_name().is_empty() {
            return Err(CellError::AssetIsPrefix {
                band: band.clone(),
                url,
            });
        }
        Ok((band.clone(), url))
    };
    inputs.iter().map(asset).collect()
}

/// The bands among the objects that are listed below `prefix`.
pub(super) fn assets_of_listing(
    prefix: &S3Url,
    listed: &[ListedObject],
    job: &Job,
) -> Result<BTreeMap<String, S3Url>, CellError> {
    let asset = |band: &String| {
        let mut found = listed
            .iter()
            .map(|object| &object.url)
            .filter(|url| band_in_object_name(url.object_name(), band));
        match (found.next(), found.next()) {
            (Some(only), None) => Ok((band.clone(), only.clone())),
            (None, _) => Err(CellError::MissingBand {
                band: band.clone(),
                prefix: prefix.clone(),
            }),
            (Some(one), Some(other)) => Err(CellError::SeveralOfBand {
                band: band.clone(),
                prefix: prefix.clone(),
                one: below(one, prefix),
                other: below(other, prefix),
            }),
        }
    };
    job.inputs().iter().map(asset).collect()
}

fn below(object: &S3Url, prefix: &S3Url) -> String {
    object
        .key()
        .strip_prefix(prefix.key())
        .unwrap_or(object.key())
        .to_owned()
}

/// Whether an object of that name is a JPEG 2000 file or a TIFF, and so not a prefix.
pub(super) fn is_image(name: &str) -> bool {
    let Some((_, extension)) = name.rsplit_once('.') else {
        return false;
    };
    ["jp2", "tif", "tiff"]
        .iter()
        .any(|image| extension.eq_ignore_ascii_case(image))
}

/// Refuses objects of Landsat products that have no surface reflectance.
pub(super) fn check_level<'a>(
    objects: impl IntoIterator<Item = &'a S3Url>,
) -> Result<(), CellError> {
    for object in objects {
        if let Some(product) = LandsatProduct::of_address(object.key())
            && product.level == LandsatLevel::Level1
        {
            return Err(CellError::Level1 {
                product: product.name,
            });
        }
    }
    Ok(())
}
