//! The fleet processes real Sentinel-2 scenes. They are not part of the repository:
//! `TILEFLEET_REAL_SCENES` names the directory that holds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tilefleet_tests::objects;

use crate::support::rasters;
use crate::support::site::Site;

/// Directory, prefix under which the bands lie, date, output.
const SCENES: [(&str, &str, &str, &str); 4] = [
    (
        "T55JGF_20180617_aws",
        "tiles/55/J/GF/2018/6/17/0/",
        "20180617",
        "20180617/sentinel_l2a_55JGF_20180617_0_RGB.tif",
    ),
    (
        "T29UNU_20221005",
        "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE/GRANULE/L2A_T29UNU_A038058_20221005T115407/IMG_DATA/R60m/",
        "20221005",
        "20221005/sentinel_l2a_29UNU_20221005_0_RGB.tif",
    ),
    (
        "T31UFS_20190411_crop10m",
        "",
        "20190411",
        "20190411/sentinel_l2a_31UFS_20190411_0_RGB.tif",
    ),
    (
        "T29RKH_20200219_overview100m",
        "",
        "20200219",
        "20200219/sentinel_l2a_29RKH_20200219_0_RGB.tif",
    ),
];

/// The file of each band directly in `directory`.
fn bands(directory: &Path) -> Result<BTreeMap<&'static str, PathBuf>> {
    let files: Vec<PathBuf> = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let find = |band: &'static str| {
        let is_band = |path: &&PathBuf| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| tilefleet_common::domain::band_in_object_name(name, band))
        };
        files.iter().find(is_band).map(|path| (band, path.clone()))
    };
    Ok(["B04", "B03", "B02"].into_iter().filter_map(find).collect())
}

#[tokio::test]
#[ignore = "needs TILEFLEET_REAL_SCENES"]
async fn real_scenes_become_what_gdal_reads_of_them() -> Result<()> {
    let root = std::env::var_os("TILEFLEET_REAL_SCENES")
        .context("TILEFLEET_REAL_SCENES names no directory")?;
    let root = PathBuf::from(root);
    let site = Site::new("real").await?;
    let (mut cells, mut inputs) = (vec![], vec![]);
    for (scene, prefix, date, output) in SCENES {
        let directory = root.join(scene);
        let bands = bands(&directory.join(prefix))?;
        ensure!(bands.len() == 3, "{} holds {bands:?}", directory.display());
        let files: Vec<PathBuf> = bands
            .values()
            .map(|path| Ok(path.strip_prefix(&root)?.to_path_buf()))
            .collect::<Result<_>>()?;
        objects::upload(&site.stack.s3, &site.stack.scene_bucket, &root, &files).await?;
        cells.push(site.cell(&format!("{scene}/{prefix}"), date));
        inputs.push((
            output,
            ["B04", "B03", "B02"].map(|band| bands[band].clone()),
        ));
    }
    let task = site
        .submit(&site.write(
            "cells.json",
            json!({"detail": {"cells": cells}}).to_string(),
        )?)
        .await?;
    let worked = site.work().await?;
    let notice = site.completion(&task).await?;
    assert_eq!(
        (&notice.body["ok"], &notice.body["failed"]),
        (&4.into(), &0.into()),
        "{}",
        worked.story()
    );
    for (output, bands) in inputs {
        let path = site.output(output).await?;
        rasters::assert_made_of(&path, &bands).with_context(|| output.to_owned())?;
        rasters::assert_valid_cog(&path)?;
    }
    Ok(())
}
