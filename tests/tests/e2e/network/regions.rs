//! Fleets whose buckets are in other regions.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tilefleet_tests::{Abroad, Plan};

use super::behind::Behind;
use crate::support::cells::{lines, plain_scene_of};

const KINDS: [Abroad; 3] = [Abroad::Redirect, Abroad::Malformed, Abroad::Bare];
const CELLS: u32 = 4;
/// A raster that takes a multipart upload.
const PIXELS: u32 = 1400;

/// A fleet whose scenes and rasters are in two other regions.
async fn far(word: &str, abroad: Abroad) -> Result<Behind> {
    let behind = Behind::new(word, 0, Plan::InOrder(vec![])).await?;
    let stack = &behind.tiny.site.stack;
    behind.proxy.exile(&stack.scene_bucket, "us-west-2", abroad);
    behind
        .proxy
        .exile(&stack.output_bucket, "eu-south-1", abroad);
    Ok(behind)
}

async fn loses_no_cell(abroad: Abroad) -> Result<()> {
    let behind = far("far", abroad).await?;
    let site = &behind.tiny.site;
    let scene = plain_scene_of(site, PIXELS).await?;
    // One cell names a region in which its output bucket is not.
    let mut cells: Vec<Value> = lines(site, &scene, CELLS)
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    cells[0]["region_name"] = "ap-south-1".into();
    let cells: Vec<String> = cells.iter().map(Value::to_string).collect();
    let task = behind
        .submit(&site.write("far.ndjson", cells.join("\n"))?)
        .await?;
    let workers = behind.workers(1)?;
    behind.ends(&task, CELLS, 1, &workers).await?;
    for ordinal in 0..CELLS {
        let cell = site.story(&task, ordinal).await?;
        ensure!(cell.history.failures == 0, "{cell:?}");
    }
    ensure!(behind.proxy.refused_abroad() > 1);
    Ok(())
}

#[tokio::test]
async fn no_cell_is_lost_when_all_buckets_are_in_other_regions() -> Result<()> {
    for abroad in KINDS {
        loses_no_cell(abroad).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_dry_run_finds_every_prefix_in_another_region() -> Result<()> {
    const PREFIXES: u32 = 8;
    for abroad in KINDS {
        let behind = far("prefixes", abroad).await?;
        let site = &behind.tiny.site;
        let mut cells = vec![];
        for number in 0..PREFIXES {
            for band in ["B02", "B03", "B04"] {
                site.put(&format!("{number}/{band}.jp2"), b"seven b")
                    .await?;
            }
            let prefix = &site.stack.prefix;
            cells.push(
                json!({
                    "cell": format!("48RXT/2020-08-01/{number}"),
                    "files": format!("s3://{}/{prefix}/{number}/", site.stack.scene_bucket),
                    "output_bucket": site.stack.output_bucket,
                })
                .to_string(),
            );
        }
        let file = site.write("prefixes.ndjson", cells.join("\n"))?;
        let dry = ["submit", &file, "--dry-run", "-o", "json"];
        let found = behind.fleet.producer(&dry).await?;
        let found = found.expect_code(0)?.json()?;
        ensure!(
            found["count"] == PREFIXES && found["bytes"] == 3 * 7 * PREFIXES,
            "{abroad:?}: {found}"
        );
        ensure!(behind.proxy.refused_abroad() > 0);
    }
    Ok(())
}
