//! The fleet processes a real Landsat scene, decimated to 512² pixels. It is not part of the
//! repository: `TILEFLEET_REAL_SCENES` names the directory that holds it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use gdal::{Dataset, Metadata as _};
use serde_json::json;

use crate::support::site::Site;
use crate::support::{rasters, reference};

const PRODUCT: &str = "LC08_L2SP_008059_20191201_20200825_02_T1";

/// Puts the objects of the product where the bucket `usgs-landsat` has them, and returns a cell that
/// names the folder.
async fn add_product(site: &Site, folder: &Path) -> Result<String> {
    let prefix = format!("collection02/level-2/standard/oli-tirs/2019/008/059/{PRODUCT}");
    let mut key = String::new();
    for object in [
        "SR_B2.TIF",
        "SR_B3.TIF",
        "SR_B4.TIF",
        "SR_B5.TIF",
        "QA_PIXEL.TIF",
        "MTL.json",
    ] {
        let name = format!("{PRODUCT}_{object}");
        let bytes = std::fs::read(folder.join(&name)).with_context(|| name.clone())?;
        key = site.put(&format!("{prefix}/{name}"), &bytes).await?;
    }
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let files = format!("s3://{}/{folder}/", site.stack.scene_bucket);
    let output = format!("s3://{}/", site.stack.output_bucket);
    site.write(
        "landsat.ndjson",
        json!({"files": files, "output": output}).to_string(),
    )
}

/// Submits the cells of `file` with a recipe, lets a worker make them, and returns the raster.
async fn made(site: &Site, file: &str, recipe: &str, key: &str) -> Result<PathBuf> {
    let submit = ["submit", file, "--recipe", recipe, "-o", "json"];
    let submitted = site.json(&submit).await?;
    let task = submitted["task"].as_str().context("no task")?;
    let worked = site.work().await?;
    let notice = site.completion(task).await?;
    assert_eq!(notice.body["ok"], 1, "{}", worked.story());
    let raster = site.output(key).await?;
    rasters::assert_valid_cog(&raster)?;
    Ok(raster)
}

#[tokio::test]
#[ignore = "needs TILEFLEET_REAL_SCENES"]
async fn real_landsat_becomes_rgb_and_ndvi() -> Result<()> {
    let root = std::env::var_os("TILEFLEET_REAL_SCENES")
        .context("TILEFLEET_REAL_SCENES names no directory")?;
    let folder = PathBuf::from(root).join("LC08_008059_20191201_decimated");
    let band = |band: &str| folder.join(format!("{PRODUCT}_{band}.TIF"));
    let site = Site::new("real-landsat").await?;
    let file = add_product(&site, &folder).await?;

    let key = "20191201/landsat_l2sp_008059_20191201_0_RGB.tif";
    let rgb = made(&site, &file, "rgb", key).await?;
    rasters::assert_made_of(&rgb, &["SR_B4", "SR_B3", "SR_B2"].map(band))?;
    let dataset = Dataset::open(&rgb)?;
    let red = dataset.rasterband(1)?;
    assert_eq!((red.scale(), red.offset()), (Some(2.75e-5), Some(-0.2)));
    let why = dataset.metadata_item("RADIOMETRY", "");
    let document = format!("surface reflectance parameters in {PRODUCT}_MTL.json");
    assert_eq!(why, Some(document));

    let key = "20191201/landsat_l2sp_008059_20191201_0_NDVI.tif";
    let ndvi = made(&site, &file, "ndvi", key).await?;
    let bands = [("N", "SR_B5"), ("R", "SR_B4")];
    let mut arguments = bands
        .map(|(letter, name)| format!("{letter}={}", band(name).display()))
        .to_vec();
    arguments.push("--expression=(N - R) / (N + R)".to_owned());
    arguments.push("--reflectance=2.75e-5,-0.2".to_owned());
    let statistics = reference::assert_computed(&ndvi, &arguments)?;
    let valid = statistics["valid"].as_u64().context("no count")?;
    assert!(valid > 100_000, "{statistics}");
    Ok(())
}
