//! Documents of many cells, and the scenes that they read.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::support::site::{SIZE, Site};

/// A scene at an address without tile and date, so that any cell may read it.
pub(crate) async fn plain_scene(site: &Site) -> Result<Value> {
    plain_scene_of(site, SIZE).await
}

/// The same, of so many pixels a side.
pub(crate) async fn plain_scene_of(site: &Site, pixels: u32) -> Result<Value> {
    let scene = site.add_scene_of("48RXT", "2020-08-01", pixels).await?;
    for band in ["B02", "B03", "B04"] {
        site.put(
            &format!("plain/{band}.jp2"),
            &std::fs::read(site.band(&scene, band)?)?,
        )
        .await?;
    }
    Ok(site.cell(&format!("{}/plain/", site.stack.prefix), "2020-08-01"))
}

/// NDJSON of cells that all read the scene of `cell`, each with a place of its own for its raster.
pub(crate) fn lines(site: &Site, cell: &Value, count: u32) -> String {
    let line = |number: u32| {
        let output = format!("s3://{}/{number}/", site.stack.output_bucket);
        let id = format!("48RXT/2020-08-01/{number}");
        let assets: Value = ["B02", "B03", "B04"]
            .iter()
            .map(|band| {
                (
                    *band,
                    format!("{}{band}.jp2", cell["files"].as_str().unwrap_or_default()),
                )
            })
            .collect();
        format!(
            "{}\n",
            json!({"cell": id, "assets": assets, "output": output})
        )
    };
    (0..count).map(line).collect()
}

/// Adds a line whose second band does not exist, and returns that band's key.
pub(crate) fn with_missing_band(
    cells: &mut String,
    site: &Site,
    cell: &Value,
    number: u32,
) -> Result<String> {
    let key = format!("{}/repaired/{number}.jp2", site.stack.prefix);
    let line = lines(site, cell, number + 1);
    let line = line.lines().last().context("no line")?;
    let mut line: Value = serde_json::from_str(line)?;
    line["assets"]["B03"] = format!("s3://{}/{key}", site.stack.scene_bucket).into();
    cells.push_str(&line.to_string());
    cells.push('\n');
    Ok(key)
}

/// Cells of three shards, the last one short.
pub(crate) const THREE_SHARDS: u32 = 450;

/// Cells whose bands do not exist.
pub(crate) fn empty_lines(site: &Site, salt: u32) -> String {
    let line = |number: u32| {
        let files = format!(
            "s3://{}/tiles/48/R/XT/2020/8/1/{number}/R10m/",
            site.stack.scene_bucket
        );
        let output = format!("s3://{}/{salt}/", site.stack.output_bucket);
        format!(
            "{}\n",
            json!({"files": files, "date": "2020-08-01", "output": output})
        )
    };
    (0..THREE_SHARDS).map(line).collect()
}
