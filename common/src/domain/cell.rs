//! A cell: its name, what it reads, where its result goes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    DomainError, Job, LandsatLevel, LandsatProduct, Recipe, S3Url, SceneDate, Scope, Sensor, Tile,
    sensor_of_addresses,
};

/// A cell's name: one tile, one date, one acquisition number, written `48RXT/2020-08-01/0`, or
/// `033032/2023-10-08/0` for Landsat.
///
/// ```
/// use tilefleet_common::domain::CellId;
///
/// let cell: CellId = "48RXT/2020-08-01/0".parse()?;
/// assert_eq!((cell.tile.to_string(), cell.date.compact(), cell.number), ("48RXT".into(), "20200801".into(), 0));
/// assert!("48RXT/2020-02-30/0".parse::<CellId>().is_err());
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CellId {
    /// The tile: 48RXT, or path and row 033032.
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
    /// Where the result of `job` goes, below the cell's output; the first raster if there are
    /// several.
    pub fn output_location(&self, job: &Job, scope: &Scope) -> String {
        match job {
            Job::Raster(recipe) => {
                let first = recipe.files().into_iter().next().flatten();
                self.raster_location(recipe, first, scope)
            }
            Job::Probe => {
                let CellId { tile, date, number } = self.id;
                let date = date.compact();
                format!("{date}/probe_{tile}_{date}_{number}.json")
            }
        }
    }

    /// Where the raster `file` of a recipe goes, below the cell's output:
    /// `<date>/sentinel_l2a_<tile>_<date>_<n>_RGB.tif` for the recipe `rgb`, and `…_SPLIT_B04.tif`
    /// for the raster `B04` of `split`.
    ///
    /// A task that cuts its cells to an area has the first digits of the area's digest in the key:
    /// `…_RGB-1a2b3c4d.tif`. Then tasks of one recipe and two areas never share a key.
    ///
    /// The level is `l1c` if a band's address says so. Thus the two levels of one acquisition never
    /// share a key. Of Landsat it is `landsat_l2sp`, or `landsat_l2sr` of a product without
    /// temperatures.
    pub fn raster_location(&self, recipe: &Recipe, file: Option<&str>, scope: &Scope) -> String {
        let CellId { tile, date, number } = self.id;
        let (level, date) = (self.level(), date.compact());
        let mut stem = recipe.file_stem();
        if let Some(area) = &scope.area {
            stem = format!("{stem}-{}", area.short());
        }
        // No recipe's name has a `_`, so two rasters of a cell never have one name.
        if let Some(file) = file {
            stem = format!("{stem}_{file}");
        }
        format!("{date}/{level}_{tile}_{date}_{number}_{stem}.tif")
    }

    /// The whole address of [`Self::output_location`].
    pub fn output_object(&self, job: &Job, scope: &Scope) -> S3Url {
        self.output.join(&self.output_location(job, scope))
    }

    /// The sensor, by the tile and the addresses of the assets; see [`sensor_of_addresses`].
    pub fn sensor(&self) -> Option<Sensor> {
        sensor_of_addresses(Some(self.id.tile), self.assets.values().map(S3Url::key))
    }

    /// Mission and level, as output keys begin with them.
    fn level(&self) -> &'static str {
        let mut assets = self.assets.values();
        match self.id.tile {
            Tile::Mgrs(_) if assets.any(is_level_1c) => "sentinel_l1c",
            Tile::Mgrs(_) => "sentinel_l2a",
            Tile::Wrs2(_) if assets.any(is_level_2sr) => "landsat_l2sr",
            Tile::Wrs2(_) => "landsat_l2sp",
        }
    }
}

fn is_level_2sr(asset: &S3Url) -> bool {
    LandsatProduct::of_address(asset.key())
        .is_some_and(|product| product.level == LandsatLevel::L2sr)
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
    fn a_cell_of_landsat_is_named_by_path_row_and_level() {
        let name = "LC08_L2SP_033032_20231008_20231017_02_T1";
        let mut landsat = cell("usgs-landsat", "s3://my-bucket/");
        landsat.id = "033032/2023-10-08/0".parse().unwrap();
        let key = |name: &str| format!("s3://usgs-landsat/{name}/{name}_SR_B4.TIF").parse();
        landsat.assets = [("SR_B4".to_owned(), key(name).unwrap())].into();
        assert_eq!(
            landsat.output_location(&job("rgb"), &Scope::default()),
            "20231008/landsat_l2sp_033032_20231008_0_RGB.tif"
        );
        assert_eq!(landsat.sensor(), Some(Sensor::LandsatOli));
        let reflectance_alone = key(&name.replace("L2SP", "L2SR")).unwrap();
        landsat.assets.insert("SR_B4".to_owned(), reflectance_alone);
        assert_eq!(
            landsat.output_location(&job("rgb"), &Scope::default()),
            "20231008/landsat_l2sr_033032_20231008_0_RGB.tif"
        );
        assert_eq!(cell("b-c", "s3://d-e/").sensor(), Some(Sensor::Sentinel2));
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
