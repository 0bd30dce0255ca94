//! The fleet processes a real Landsat scene. It is not part of the repository:
//! `TILEFLEET_REAL_SCENES` names the directory that holds it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;
use tilefleet_tests::objects;

use crate::submit::recipes::submit;
use crate::support::site::Site;
use crate::support::{rasters, reference};

const FOLDER: &str = "LC08_008059_20191201_decimated";
const PRODUCT: &str = "LC08_L2SP_008059_20191201_20200825_02_T1";

/// Puts the scene where the bucket `usgs-landsat` has it, and gives the prefix.
async fn put_scene(site: &Site, folder: &Path) -> Result<String> {
    let prefix = format!(
        "{}/collection02/level-2/standard/oli-tirs/2019/008/059/{PRODUCT}",
        site.stack.prefix
    );
    let root = site.path("landsat");
    std::fs::create_dir_all(root.join(&prefix))?;
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().context("a file without a name")?;
        let file = PathBuf::from(&prefix).join(name);
        std::fs::copy(&path, root.join(&file))?;
        files.push(file);
    }
    objects::upload(&site.stack.s3, &site.stack.scene_bucket, &root, &files).await?;
    Ok(format!("{prefix}/"))
}

#[tokio::test]
#[ignore = "needs TILEFLEET_REAL_SCENES"]
async fn real_landsat_becomes_true_colour_and_a_vegetation_index() -> Result<()> {
    let root = std::env::var_os("TILEFLEET_REAL_SCENES")
        .context("TILEFLEET_REAL_SCENES names no directory")?;
    let folder = PathBuf::from(root).join(FOLDER);
    let site = Site::new("real-landsat").await?;
    let prefix = put_scene(&site, &folder).await?;
    let files = format!("s3://{}/{prefix}", site.stack.scene_bucket);
    let output = format!("s3://{}/", site.stack.output_bucket);
    let line = json!({"files": files, "output": output}).to_string();
    let cells = site.write("cells.ndjson", line)?;
    let mut tasks = vec![];
    for recipe in ["rgb", "ndvi"] {
        tasks.push(submit(&site, &cells, recipe).await?);
    }
    let worked = site.work().await?;
    for task in &tasks {
        let notice = site.completion(task).await?;
        assert_eq!(notice.body["ok"], 1, "{}", worked.story());
        site.producer(&["verify", task]).await?.expect_code(0)?;
    }

    let band = |name: &str| folder.join(format!("{PRODUCT}_{name}.TIF"));
    let rgb = "20191201/landsat_l2sp_008059_20191201_0_RGB.tif";
    let rgb = site.output(rgb).await?;
    rasters::assert_made_of(&rgb, &["SR_B4", "SR_B3", "SR_B2"].map(band))?;
    rasters::assert_valid_cog(&rgb)?;
    let dataset = gdal::Dataset::open(&rgb)?;
    for number in 1..=3 {
        let band = dataset.rasterband(number)?;
        assert_eq!((band.scale(), band.offset()), (Some(2.75e-5), Some(-0.2)));
    }
    let ndvi = "20191201/landsat_l2sp_008059_20191201_0_NDVI.tif";
    let ndvi = site.output(ndvi).await?;
    rasters::assert_valid_cog(&ndvi)?;
    let inputs = [("N", "SR_B5"), ("R", "SR_B4")];
    let inputs = inputs.map(|(letter, name)| format!("{letter}={}", band(name).display()));
    let options = [
        "--expression=(N - R) / (N + R)",
        "--reflectance=2.75e-5,-0.2",
    ];
    let arguments = inputs.into_iter().chain(options.map(str::to_owned));
    let statistics = reference::assert_computed(&ndvi, &arguments.collect::<Vec<_>>())?;
    let valid = statistics["valid"].as_u64().context("no count")?;
    assert!(valid > 100_000, "{statistics}");
    Ok(())
}
