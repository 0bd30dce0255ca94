//! The area of a task, as an object beside its manifest.

use tilefleet_common::aws::{Existing, ObjectError, ObjectStore, Stored, Upload};
use tilefleet_common::domain::{Area, AreaDigest, MAX_AREA_BYTES, S3Url};

use crate::error::ProducerError;

/// Puts the area at `object`, whose key has the area's digest, unless it is there. One that is there
/// must be the same: workers would refuse another.
///
/// # Errors
/// When it cannot be put, or something else is there.
pub(super) async fn put(
    objects: &ObjectStore,
    area: &Area,
    object: &S3Url,
    region: Option<&str>,
) -> Result<(), ProducerError> {
    let mut upload = Upload::begin(
        objects,
        object,
        region,
        "application/geo+json",
        Existing::Keep,
    );
    upload.write(area.canonical().as_bytes()).await?;
    if let Stored::New { .. } = upload.finish().await? {
        return Ok(());
    }
    let foreign = || ProducerError::ForeignArea {
        object: object.clone(),
    };
    match objects.get(object, false, MAX_AREA_BYTES as u64).await {
        Ok(there) if AreaDigest::of(&there.bytes) == *area.digest() => Ok(()),
        Ok(_) | Err(ObjectError::TooLarge { .. }) => Err(foreign()),
        Err(error) => Err(error.into()),
    }
}
