//! Looking into a prefix that is not in the layout of the scene buckets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use tilefleet_common::aws::{AwsErrorKind, ListedObject, ObjectError, ObjectStore};
use tilefleet_common::domain::{Cell, S3Url, SceneDate, Tile, band_in_object_name};

use super::fields::{CellError, Fields};
use super::identity::{Choices, Claim, Claims, Told, Unlocated, tell};

/// Objects of a prefix that are looked at. A scene has fewer than a hundred.
const MOST_OBJECTS: usize = 1000;
/// A `tileInfo.json` has a few kilobytes.
const TILE_INFO_BYTES: u64 = 1024 * 1024;

/// Why a cell could not be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolveError {
    /// The cell is wrong; others may be right.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// S3 gives no answer, whichever cell is asked about.
    #[error(transparent)]
    Service(ObjectError),
}

impl From<ObjectError> for ResolveError {
    fn from(error: ObjectError) -> Self {
        match &error {
            ObjectError::Call(call)
                if matches!(
                    call.kind(),
                    AwsErrorKind::Unreachable | AwsErrorKind::Credentials | AwsErrorKind::Busy
                ) =>
            {
                Self::Service(error)
            }
            _ => Self::Cell(CellError::Denied(error.to_string())),
        }
    }
}

/// Makes cells of the input's values.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    objects: ObjectStore,
    choices: Choices,
}

impl Resolver {
    /// A resolver that looks into `objects` where a cell does not tell enough.
    pub(crate) fn new(objects: ObjectStore, choices: Choices) -> Self {
        Self { objects, choices }
    }

    /// The cell that `value` is about.
    pub(crate) async fn resolve(&self, value: Value, document: bool) -> Result<Cell, ResolveError> {
        match tell(Fields::of(value)?, document, &self.choices)? {
            Told::Cell(cell) => Ok(cell),
            Told::Prefix(unlocated) => self.locate(*unlocated).await,
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
        let assets = self.assets(&folder, &listed)?;
        let mut claims = assets.values().fold(Claims::of(&fields), |claims, asset| {
            claims.and_name(asset.object_name())
        });
        if !claims.tell_tile()
            && let Some((object, claim)) = self.tile_info(&folder, &listed, request_payer).await?
        {
            claims = claims.and(
                claim.map_err(|cause| CellError::TileInfo { object, cause })?,
                "of tileInfo.json",
            );
        }
        let id = claims.settle(&folder)?;
        Ok(Cell {
            id,
            assets,
            output,
            region: fields.region,
            request_payer,
        })
    }

    fn assets(
        &self,
        prefix: &S3Url,
        listed: &[ListedObject],
    ) -> Result<BTreeMap<String, S3Url>, CellError> {
        let asset = |&band: &&str| {
            let mut found = listed
                .iter()
                .map(|object| &object.url)
                .filter(|url| band_in_object_name(url.object_name(), band));
            match (found.next(), found.next()) {
                (Some(only), None) => Ok((band.to_owned(), only.clone())),
                (None, _) => Err(CellError::MissingBand {
                    band: band.to_owned(),
                    prefix: prefix.clone(),
                }),
                (Some(one), Some(other)) => Err(CellError::SeveralOfBand {
                    band: band.to_owned(),
                    prefix: prefix.clone(),
                    one: below(one, prefix),
                    other: below(other, prefix),
                }),
            }
        };
        self.choices.job.inputs().iter().map(asset).collect()
    }

    /// What `tileInfo.json` says, from the prefix or, where that is a folder of one resolution,
    /// from the one above.
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
            // Without the right to list, S3 says "denied" of what is not there.
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

fn below(object: &S3Url, prefix: &S3Url) -> String {
    object
        .key()
        .strip_prefix(prefix.key())
        .unwrap_or(object.key())
        .to_owned()
}

/// The part of `tileInfo.json` that names the cell (see "Sentinel-2" in the Registry of Open Data
/// on AWS).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TileInfo {
    utm_zone: u8,
    latitude_band: String,
    grid_square: String,
    timestamp: Option<String>,
}

fn claim_of_tile_info(json: &[u8]) -> Result<Claim, String> {
    let info: TileInfo = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let tile = Tile::from_parts(
        &info.utm_zone.to_string(),
        &info.latitude_band,
        &info.grid_square,
    );
    let tile = tile.map_err(|error| error.to_string())?;
    let date = info
        .timestamp
        .and_then(|moment| moment.get(..10)?.parse::<SceneDate>().ok());
    Ok(Claim {
        tile: Some(tile),
        date,
        number: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tile_info_tells_tile_and_date() {
        let claim = claim_of_tile_info(
            br#"{"path":"tiles/48/R/XT/2020/8/1/0","timestamp":"2020-08-01T03:45:41.024Z","utmZone":48,"latitudeBand":"R","gridSquare":"XT"}"#,
        )
        .unwrap();
        assert_eq!(claim.tile.unwrap().to_string(), "48RXT");
        assert_eq!(claim.date.unwrap().to_string(), "2020-08-01");
        let wrong = claim_of_tile_info(br#"{"utmZone":48,"latitudeBand":"I","gridSquare":"XT"}"#);
        assert_eq!(
            wrong.unwrap_err(),
            "\"48IXT\" is not a tile: expected zone, band and square as in 48RXT"
        );
    }

    #[test]
    fn a_prefix_is_listed_as_a_folder() {
        let folder = |text: &str| as_folder(&text.parse().unwrap()).to_string();
        assert_eq!(folder("s3://bucket/x/1"), "s3://bucket/x/1/");
        assert_eq!(folder("s3://bucket/x/1/"), "s3://bucket/x/1/");
        assert_eq!(folder("s3://bucket"), "s3://bucket/");
    }
}
