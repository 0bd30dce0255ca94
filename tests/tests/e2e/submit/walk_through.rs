//! The walk-through's document, unchanged, from submit to notice.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tilefleet_tests::objects;

use crate::support::rasters;
use crate::support::site::Site;
use crate::support::tiny::told;

/// Whether a line of the results says where the raster is: a location below the cell's output.
fn is_raster_below_output(line: &Value) -> bool {
    let raster = &line["artefacts"][0];
    let location = raster["location"].as_str().unwrap_or_default();
    line["output"]
        .as_str()
        .is_some_and(|output| output.starts_with("s3://"))
        && raster["role"] == "raster"
        && location.starts_with("20200801/sentinel_l2a_48RX")
        && raster["etag"].is_string()
        && raster["bytes"].as_u64() > Some(0)
}

#[tokio::test]
async fn the_walk_throughs_document_becomes_rasters_and_one_notice() -> Result<()> {
    let site = Site::new("walk").await?;
    // Two tiles on one day: in the walk-through the second overwrote the first.
    let cells = [
        site.add_scene("48RXT", "2020-08-01").await?,
        site.add_scene("48RXU", "2020-08-01").await?,
    ];
    let task = site.submit(&site.document(&cells)?).await?;
    let before = site.status(&task).await?;
    assert_eq!(
        (&before["state"], &before["remaining"]),
        (&"RUNNING".into(), &2.into())
    );

    site.work().await?;

    let notice = site.completion(&task).await?;
    assert_eq!(told(&site, &notice).await?, format!("{task}/1"));
    assert_eq!(
        (&notice.body["ok"], &notice.body["failed"]),
        (&2.into(), &0.into())
    );
    assert_eq!(notice.attributes["outcome"], "ok");
    assert_eq!(
        site.stack.notices().drain().await?.len(),
        0,
        "one notice and no other"
    );

    for (cell, tile) in cells.iter().zip(["48RXT", "48RXU"]) {
        let path = site
            .output(&format!("20200801/sentinel_l2a_{tile}_20200801_0_RGB.tif"))
            .await?;
        let bands = ["B04", "B03", "B02"].map(|band| site.band(cell, band));
        let bands = bands.into_iter().collect::<Result<Vec<_>>>()?;
        rasters::assert_made_of(&path, &bands)?;
        rasters::assert_valid_cog(&path)?;
    }

    let results = notice.body["results"].as_str().context("no results")?;
    let key = results.splitn(4, '/').nth(3).context("no key")?;
    let results = objects::read(&site.stack.s3, &site.stack.output_bucket, key).await?;
    let results: Vec<Value> = String::from_utf8(results)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let told: BTreeSet<&str> = results
        .iter()
        .filter_map(|line| line["cell"].as_str())
        .collect();
    assert_eq!(
        told,
        BTreeSet::from(["48RXT/2020-08-01/0", "48RXU/2020-08-01/0"])
    );
    assert!(
        results
            .iter()
            .all(|line| line["state"] == "ok" && is_raster_below_output(line)),
        "{results:?}"
    );

    let after = site.status(&task).await?;
    assert_eq!(
        (&after["state"], &after["ok"], &after["remaining"]),
        (&"COMPLETE".into(), &2.into(), &0.into())
    );
    site.producer(&["wait", &task]).await?.expect_code(0)?;
    let listed = site.producer(&["list", "-o", "ndjson"]).await?;
    assert!(
        listed.expect_code(0)?.stdout.contains(&task),
        "{}",
        listed.story()
    );
    Ok(())
}

#[tokio::test]
async fn submitting_a_complete_task_again_does_nothing_and_again_makes_the_same_bytes() -> Result<()>
{
    let site = Site::new("again").await?;
    let file = site.document(&[site.add_scene("48RXT", "2020-08-06").await?])?;
    let task = site.submit(&file).await?;
    site.work().await?;
    let key = "20200806/sentinel_l2a_48RXT_20200806_0_RGB.tif";
    let first = objects::read(&site.stack.s3, &site.stack.output_bucket, key).await?;

    let repeated = site.producer(&["submit", &file]).await?;
    repeated.expect_code(0)?;
    assert!(
        (repeated.stdout.clone() + &repeated.stderr).contains("already complete"),
        "{}",
        repeated.story()
    );

    let again = site
        .json(&["submit", &file, "--again", "-o", "json"])
        .await?;
    assert_eq!(again["task"], format!("{task}-2"));
    site.work().await?;
    assert_eq!(
        site.status(&format!("{task}-2")).await?["state"],
        "COMPLETE"
    );
    let second = objects::read(&site.stack.s3, &site.stack.output_bucket, key).await?;
    assert!(
        first == second,
        "{} and {} bytes",
        first.len(),
        second.len()
    );
    Ok(())
}

#[tokio::test]
async fn bands_of_several_ranges_become_a_raster_of_several_parts() -> Result<()> {
    let site = Site::new("parts").await?;
    let cell = site.add_scene_of("48RXT", "2020-08-01", 3072).await?;
    let bands = ["B04", "B03", "B02"].map(|band| site.band(&cell, band));
    let bands = bands.into_iter().collect::<Result<Vec<_>>>()?;
    let lengths = bands
        .iter()
        .map(std::fs::metadata)
        .collect::<Result<Vec<_>, _>>()?;
    assert!(
        lengths.iter().all(|metadata| metadata.len() > 8 << 20),
        "a band of one range: {lengths:?}"
    );
    let task = site.submit(&site.document(&[cell])?).await?;
    site.work().await?;
    assert_eq!(site.status(&task).await?["ok"], 1);
    let artefacts = site.story(&task, 0).await?.history.artefacts;
    let etag = &artefacts.first().context("no raster")?.etag;
    let parts: u32 = etag
        .trim_matches('"')
        .split_once('-')
        .context("put in one piece")?
        .1
        .parse()?;
    assert!(
        parts >= 4,
        "two parts of the head and some of the body: {etag}"
    );
    let path = site
        .output("20200801/sentinel_l2a_48RXT_20200801_0_RGB.tif")
        .await?;
    rasters::assert_made_of(&path, &bands)?;
    rasters::assert_valid_cog(&path)?;
    let uploads = site
        .stack
        .s3
        .list_multipart_uploads()
        .bucket(&site.stack.output_bucket)
        .send()
        .await?;
    assert!(
        uploads.uploads().is_empty(),
        "nothing is left behind: {uploads:?}"
    );
    Ok(())
}

#[tokio::test]
async fn cells_by_line_with_a_prefix_go_the_same_way() -> Result<()> {
    let site = Site::new("lines").await?;
    let cell = site.add_scene("48RYT", "2020-08-11").await?;
    let files = cell["files"].as_str().context("no files")?;
    let assets: Value = ["B02", "B03", "B04"]
        .iter()
        .map(|band| (*band, format!("{files}{band}.jp2")))
        .collect();
    let line = serde_json::json!({"cell": "48RYT/2020-08-11/0", "assets": assets});
    let output = format!("s3://{}/runs/7/", site.stack.output_bucket);
    let arguments = ["submit", "-", "--output", &output, "-o", "json"];
    let submitted = site
        .fleet
        .run("producer", &arguments, &format!("{line}\n"))
        .await?;
    let task = submitted.expect_code(0)?.json()?["task"]
        .as_str()
        .context("no task")?
        .to_owned();
    site.work().await?;
    assert_eq!(site.status(&task).await?["ok"], 1);
    let path = site
        .output("runs/7/20200811/sentinel_l2a_48RYT_20200811_0_RGB.tif")
        .await?;
    rasters::assert_valid_cog(&path)?;
    // The manifest is an input as well: the same cells, so the same task.
    let manifest = format!("runs/7/tilefleet/{task}/manifest.ndjson");
    let manifest = objects::read(&site.stack.s3, &site.stack.output_bucket, &manifest).await?;
    assert_eq!(
        site.submit(&site.write("manifest.ndjson", manifest)?)
            .await?,
        task
    );
    Ok(())
}
