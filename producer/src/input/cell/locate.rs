//! Resolving cells, also those whose prefix must be listed.

use tilefleet_common::aws::{AwsErrorKind, ListedObject, ObjectError, ObjectStore};
use tilefleet_common::domain::{Cell, S3Url};

use super::assets::{assets_of_listing, check_level};
use super::claims::{Claim, Claims};
use super::error::CellError;
use super::evidence::check_evidence;
use super::fields::Fields;
use super::identity::{Resolved, SubmitOptions, Unlocated, resolve_identity};
use super::tile_info::claim_of_tile_info;

/// Objects of a prefix that are listed. A scene has fewer than a hundred.
const MOST_OBJECTS: usize = 1000;
/// A `tileInfo.json` has a few kilobytes.
const TILE_INFO_BYTES: u64 = 1024 * 1024;

/// Why a cell could not be resolved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The cell is wrong; others can be right.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// S3 does not answer, for this cell or any other.
    #[error(transparent)]
    Service(ObjectError),
}

impl From<ObjectError> for ResolveError {
    fn from(error: ObjectError) -> Self {
        match &error {
            ObjectError::Call(call)
                if matches!(
                    call.kind(),
                    AwsErrorKind::Unreachable
                        | AwsErrorKind::Credentials
                        | AwsErrorKind::NoCredentials
                        | AwsErrorKind::Clock
                        | AwsErrorKind::Busy
                        | AwsErrorKind::WrongRegion
                ) =>
            {
                Self::Service(error)
            }
            _ => Self::Cell(CellError::Denied(error.to_string())),
        }
    }
}

/// Makes cells of the fields of entries.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    objects: ObjectStore,
    options: SubmitOptions,
}

impl Resolver {
    /// A resolver that lists `objects` where the fields of a cell do not say enough.
    pub(crate) fn new(objects: ObjectStore, options: SubmitOptions) -> Self {
        Self { objects, options }
    }

    /// The cell that `fields` describe.
    pub(crate) async fn resolve(&self, fields: Fields) -> Result<Cell, ResolveError> {
        match resolve_identity(fields, &self.options)? {
            Resolved::Cell(cell) => Ok(cell),
            Resolved::Prefix(unlocated) => self.locate(*unlocated).await,
        }
    }

    async fn locate(&self, unlocated: Unlocated) -> Result<Cell, ResolveError> {
        let Unlocated {
            prefix,
            fields,
            output,
            request_payer,
        } = unlocated;
        let folder = as_folder(&prefix);
        let listed = self
            .objects
            .list(&folder, request_payer, MOST_OBJECTS)
            .await?;
        let assets = assets_of_listing(&folder, &listed, fields.tile(), &self.options.job)?;
        check_level(assets.values())?;
        let mut claims = assets.values().fold(Claims::of(&fields), |claims, asset| {
            claims.and_name(asset.object_name())
        });
        if !claims.has_tile()
            && let Some((object, claim)) = self.tile_info(&folder, &listed, request_payer).await?
        {
            claims = claims.and(
                claim.map_err(|cause| CellError::TileInfo { object, cause })?,
                "of tileInfo.json",
            );
        }
        let id = claims.reconcile(&folder)?;
        let cell = Cell {
            id,
            assets,
            output,
            region: fields.region,
            request_payer,
        };
        check_evidence(&cell)?;
        Ok(cell)
    }

    /// What `tileInfo.json` says: that of the prefix, or of the prefix above if this one is a
    /// folder of one resolution. `None` if neither has one.
    async fn tile_info(
        &self,
        folder: &S3Url,
        listed: &[ListedObject],
        request_payer: bool,
    ) -> Result<Option<(S3Url, Result<Claim, String>)>, ResolveError> {
        let name = "tileInfo.json";
        let beside = folder.join(name);
        let object = if listed.iter().any(|object| object.url == beside) {
            beside
        } else {
            let key = folder.key().trim_end_matches('/');
            let Some((above, _)) = key.rsplit_once('/') else {
                return Ok(None);
            };
            let Ok(above) = S3Url::new(folder.bucket(), above) else {
                return Ok(None);
            };
            above.join(name)
        };
        match self
            .objects
            .get(&object, request_payer, TILE_INFO_BYTES)
            .await
        {
            Ok(info) => Ok(Some((object, claim_of_tile_info(&info.bytes)))),
            // Without the permission to list, S3 denies access to an object that does not exist.
            Err(ObjectError::DeniedWithoutPaying { .. }) => Ok(None),
            Err(ObjectError::Call(error))
                if matches!(
                    error.kind(),
                    AwsErrorKind::NotFound | AwsErrorKind::AccessDenied
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The prefix with a slash at its end, so that `x/1` does not list `x/10`.
fn as_folder(prefix: &S3Url) -> S3Url {
    if prefix.key().is_empty() || prefix.key().ends_with('/') {
        return prefix.clone();
    }
    S3Url::new(prefix.bucket(), &format!("{}/", prefix.key())).unwrap_or_else(|_| prefix.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_listed_as_a_folder() {
        let folder = |text: &str| as_folder(&text.parse().unwrap()).to_string();
        assert_eq!(folder("s3://bucket/x/1"), "s3://bucket/x/1/");
        assert_eq!(folder("s3://bucket/x/1/"), "s3://bucket/x/1/");
        assert_eq!(folder("s3://bucket"), "s3://bucket/");
    }
}
