//! A cell: its name, what it reads, where its result goes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DomainError, Job, S3Url, SceneDate, Scope, Tile};

/// A cell's name: one tile, one date, one acquisition number, written `48RXT/2020-08-01/0`.
///
/// ```
/// use tilefleet_common::domain::CellId;
///
/// let cell: CellId = "48RXT/2020-08-01/0".parse()?;
/// assert_eq!((cell.tile.zone(), cell.date.compact().as_str(), cell.number), (48, "20200801", 0));
/// assert!("48RXT/2020-02-30/0".parse::<CellId>().is_err());
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CellId {
    /// The MGRS tile, such as 48RXT.
    pub tile: Tile,
    /// The day of the acquisition (UTC).
    pub date: SceneDate,
    /// The acquisition's number on that day, from 0.
    pub number: u32,
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tile, self.date, self.number)
    }
}

impl FromStr for CellId {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::CellId(text.to_owned());
        let mut parts = text.split('/');
        let (Some(tile), Some(date), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        Ok(Self {
            tile: tile.parse().map_err(|_| wrong())?,
            date: date.parse().map_err(|_| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
        })
    }
}

impl TryFrom<String> for CellId {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<CellId> for String {
    fn from(id: CellId) -> Self {
        id.to_string()
    }
}

/// A cell with everything that a worker needs: which objects to read and where the result goes.
///
/// Its JSON form is a line of the manifest, part of a message, and a line that `producer submit`
/// takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The cell's name.
    #[serde(rename = "cell")]
    pub id: CellId,
    /// The object of each band that the recipe reads, by the band's name.
    pub assets: BTreeMap<String, S3Url>,
    /// Bucket and prefix of the result.
    pub output: S3Url,
    /// Region of the output bucket, if it is not the worker's own.
    #[serde(
        default,
        rename = "region_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub region: Option<String>,
    /// Whether reads carry `x-amz-request-payer: requester` (Amazon S3 user guide, "Requester Pays
    /// buckets").
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub request_payer: bool,
}

impl Cell {
    /// Where the result of `job` goes, below the cell's output:
    /// `<date>/sentinel_l2a_<tile>_<date>_<n>_RGB.tif` for the recipe `rgb`, or
    /// `<date>/probe_<tile>_<date>_<n>.json`.
    ///
    /// A task that cuts its cells to an area has the first digits of the area's digest in the key:
    /// `…_RGB-1a2b3c4d.tif`. Then tasks of one recipe and two areas never share a key.
    ///
    /// The level is `l1c` if a band's address says so. Thus the two levels of one acquisition never
    /// share a key.
    pub fn output_location(&self, job: &Job, scope: &Scope) -> String {
        let CellId { tile, date, number } = self.id;
        let date = date.compact();
        match job {
            Job::Raster(recipe) => {
                let level = if self.assets.values().any(is_level_1c) {
                    "l1c"
                } else {
                    "l2a"
                };
                let mut stem = recipe.file_stem();
                if let Some(area) = &scope.area {
                    stem = format!("{stem}-{}", area.short());
                }
                format!("{date}/sentinel_{level}_{tile}_{date}_{number}_{stem}.tif")
            }
            Job::Probe => format!("{date}/probe_{tile}_{date}_{number}.json"),
        }
    }

    /// The whole address of [`Self::output_location`].
    pub fn output_object(&self, job: &Job, scope: &Scope) -> S3Url {
        self.output.join(&self.output_location(job, scope))
    }
}

fn is_level_1c(asset: &S3Url) -> bool {
    asset.bucket().contains("l1c")
        || asset.key().contains("MSIL1C")
        || asset.key().contains("_L1C_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Recipe;

    fn cell(bucket: &str, output: &str) -> Cell {
        let asset = |band: &str| {
            (
                band.to_owned(),
                format!("s3://{bucket}/tiles/48/R/XT/2020/8/1/0/R10m/{band}.jp2")
                    .parse()
                    .unwrap(),
            )
        };
        Cell {
            id: "48RXT/2020-08-01/0".parse().unwrap(),
            assets: ["B02", "B03", "B04"].map(asset).into(),
            output: output.parse().unwrap(),
            region: None,
            request_payer: true,
        }
    }

    fn job(recipe: &str) -> Job {
        recipe.parse().unwrap()
    }

    #[test]
    fn recipes_do_not_share_a_key_even_under_one_name() {
        let cell = cell("sentinel-s2-l2a", "s3://my-bucket/");
        let file = |text: &str| Job::Raster(Recipe::from_toml("a test", text).unwrap());
        let own =
            file("name = \"rgb\"\ntitle = \"Mine\"\noutput = [{name = \"a\", band = \"B02\"}]");
        let digits = own.id().digest().unwrap().short().to_owned();
        assert_eq!(digits.len(), 8);
        assert_eq!(
            cell.output_location(&own, &Scope::default()),
            format!("20200801/sentinel_l2a_48RXT_20200801_0_RGB-{digits}.tif")
        );
        assert_eq!(
            cell.output_location(&job("false-color"), &Scope::default()),
            "20200801/sentinel_l2a_48RXT_20200801_0_FALSE-COLOR.tif"
        );
    }

    #[test]
    fn tasks_of_two_areas_do_not_share_a_key() {
        let cell = cell("sentinel-s2-l2a", "s3://my-bucket/");
        let scope = Scope {
            area: Some("1a2b3c4d".repeat(8).parse().unwrap()),
            min_valid: Some("80".parse().unwrap()),
        };
        assert_eq!(
            cell.output_location(&job("rgb"), &scope),
            "20200801/sentinel_l2a_48RXT_20200801_0_RGB-1a2b3c4d.tif"
        );
    }

    #[test]
    fn the_output_key_names_tile_date_and_number() {
        let output = cell("sentinel-s2-l2a", "s3://my-bucket/")
            .output_object(&job("rgb"), &Scope::default());
        assert_eq!(
            output.to_string(),
            "s3://my-bucket/20200801/sentinel_l2a_48RXT_20200801_0_RGB.tif"
        );
    }

    #[test]
    fn a_probe_has_a_key_of_its_own() {
        let output = cell("sentinel-s2-l2a", "s3://my-bucket/")
            .output_object(&Job::Probe, &Scope::default());
        assert_eq!(
            output.to_string(),
            "s3://my-bucket/20200801/probe_48RXT_20200801_0.json"
        );
    }

    #[test]
    fn levels_of_one_acquisition_do_not_share_a_key() {
        let output = cell("sentinel-s2-l1c", "s3://my-bucket/runs/7/")
            .output_object(&job("rgb"), &Scope::default());
        assert_eq!(
            output.to_string(),
            "s3://my-bucket/runs/7/20200801/sentinel_l1c_48RXT_20200801_0_RGB.tif"
        );
    }

    #[test]
    fn a_cell_survives_its_json_form() {
        let cell = cell("sentinel-s2-l2a", "s3://my-bucket/");
        let json = serde_json::to_string(&cell).unwrap();
        assert!(
            json.starts_with(
                r#"{"cell":"48RXT/2020-08-01/0","assets":{"B02":"s3://sentinel-s2-l2a/"#
            ),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Cell>(&json).unwrap(), cell);
    }

    #[test]
    fn malformed_names_are_refused() {
        for text in [
            "",
            "48RXT",
            "48RXT/2020-08-01",
            "48RXT/2020-08-01/x",
            "48RXT/2020-08-01/-1",
            "48RXT/2020-08-01/0/1",
        ] {
            assert_eq!(
                text.parse::<CellId>(),
                Err(DomainError::CellId(text.to_owned())),
                "{text}"
            );
        }
    }
}
