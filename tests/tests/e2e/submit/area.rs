//! Areas from file to ledger: cells that the area does not touch, and cells with too few valid
//! pixels.

use anyhow::{Context as _, Result, ensure};
use gdal::DriverManager;
use gdal::raster::Buffer;
use gdal::spatial_ref::SpatialRef;
use serde_json::{Value, json};
use tilefleet_tests::objects;

use crate::support::cells::lines;
use crate::support::site::Site;
use crate::support::tiny::Tiny;

/// Pixels a side of the bands with holes.
const SIZE: usize = 64;

/// Submits the file with these arguments and gives the task's id.
async fn submit(site: &Site, file: &str, arguments: &[&str]) -> Result<String> {
    let command = [&["submit", file, "-o", "json"], arguments].concat();
    let submitted = site.json(&command).await?;
    Ok(submitted["task"].as_str().context("no task")?.to_owned())
}

/// The states in the results list of a notice, in the order of the cells.
async fn states(site: &Site, notice: &Value) -> Result<Vec<Value>> {
    let results = notice["results"].as_str().context("no results")?;
    let key = results.splitn(4, '/').nth(3).context("no key")?;
    let text = std::fs::read_to_string(site.output(key).await?)?;
    let states = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line)?;
        Ok(line["state"].clone())
    });
    states.collect()
}

#[tokio::test]
async fn cells_outside_of_the_area_have_no_raster_and_are_counted_on_their_own() -> Result<()> {
    let tiny = Tiny::new("outside", 30).await?;
    let site = &tiny.site;
    let polygon = json!({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon",
        "coordinates": [[[7, 50], [8, 50], [8, 51], [7, 50]]]}});
    let area = site.write("area.geojson", polygon.to_string())?;
    let task = submit(site, &tiny.file(3)?, &["--clip", &area]).await?;
    site.work().await?;

    let notice = site.completion(&task).await?;
    assert_eq!(notice.body["outcome"], "ok");
    assert_eq!(
        (&notice.body["ok"], &notice.body["failed"]),
        (&0.into(), &0.into())
    );
    assert_eq!(notice.body["outside_area"], 3);
    assert_eq!(
        states(site, &notice.body).await?,
        vec![Value::from("outside_area"); 3]
    );
    let status = site.status(&task).await?;
    assert_eq!(
        (&status["outside_area"], &status["remaining"]),
        (&3.into(), &0.into())
    );
    let digest = status["area_digest"].as_str().context("no digest")?;

    // Beside the manifest is the area, and there is no raster.
    let bucket = &site.stack.output_bucket;
    let listed = objects::list(&site.stack.s3, bucket, "").await?;
    let keys: Vec<String> = listed.into_iter().map(|object| object.key).collect();
    let stored = format!("tilefleet/{task}/area-{digest}.geojson");
    ensure!(keys.iter().any(|key| key.ends_with(&stored)), "{keys:?}");
    ensure!(!keys.iter().any(|key| key.contains("_RGB-")), "{keys:?}");
    let report = site.json(&["verify", &task, "-o", "json"]).await?;
    assert_eq!(report["sound"], true, "{report:#}");
    assert_eq!(report["sets"]["without_raster"], 3);
    let listed = site
        .json(&["cells", &task, "--state", "outside_area", "-o", "json"])
        .await?;
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    site.producer(&["wait", &task]).await?.expect_code(0)?;
    let retried = site.json(&["retry", &task, "-o", "json"]).await?;
    assert_eq!(retried["retried"], 0);
    Ok(())
}

/// Puts three bands of which the left half is nodata, and gives the prefix.
async fn half_empty(site: &Site) -> Result<()> {
    let path = site.path("half.tif");
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let mut dataset = driver.create_with_band_type::<u16, _>(&path, SIZE, SIZE, 1)?;
    dataset.set_geo_transform(&[600_000.0, 10.0, 0.0, 3_400_020.0, 0.0, -10.0])?;
    dataset.set_spatial_ref(&SpatialRef::from_epsg(32648)?)?;
    let samples = (0..SIZE * SIZE).map(|n| if n % SIZE < SIZE / 2 { 0 } else { 7 });
    let mut buffer = Buffer::new((SIZE, SIZE), samples.collect());
    dataset
        .rasterband(1)?
        .write((0, 0), (SIZE, SIZE), &mut buffer)?;
    dataset.close()?;
    for band in ["B02", "B03", "B04"] {
        site.put(&format!("half/{band}.jp2"), &std::fs::read(&path)?)
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_cell_with_too_few_valid_pixels_has_no_raster_and_one_with_enough_has() -> Result<()> {
    let tiny = Tiny::new("too-few", 30).await?;
    let site = &tiny.site;
    half_empty(site).await?;
    let cell = site.cell(&format!("{}/half/", site.stack.prefix), "2020-08-01");
    let file = site.write("cells.ndjson", lines(site, &cell, 1))?;
    for (share, ok, too_few) in [("50.01", 0, json!(1)), ("50", 1, Value::Null)] {
        let task = submit(site, &file, &["--min-valid", share]).await?;
        site.work().await?;
        let notice = site.completion(&task).await?;
        assert_eq!(notice.body["ok"], ok, "{share}");
        assert_eq!(notice.body["too_few_valid"], too_few, "{share}");
        assert_eq!(notice.body["outcome"], "ok", "{share}");
        site.producer(&["verify", &task]).await?.expect_code(0)?;
    }
    Ok(())
}

#[tokio::test]
async fn an_area_that_is_changed_in_the_bucket_is_refused_and_the_cell_charged_nothing()
-> Result<()> {
    let tiny = Tiny::new("changed-area", 30).await?;
    let site = &tiny.site;
    let task = submit(site, &tiny.file(1)?, &["--bbox", "7,50,8,51"]).await?;
    let status = site.status(&task).await?;
    let digest = status["area_digest"].as_str().context("no digest")?;
    let root = site.path("changed");
    // Below the output of the first cell.
    let key = format!("0/tilefleet/{task}/area-{digest}.geojson");
    let file = root.join(&key);
    std::fs::create_dir_all(file.parent().unwrap_or(&root))?;
    std::fs::write(&file, r#"{"coordinates":[],"type":"MultiPolygon"}"#)?;
    objects::upload(
        &site.stack.s3,
        &site.stack.output_bucket,
        &root,
        &[key.into()],
    )
    .await?;
    let worked = tiny.with_short_waits(1)?.worker(&["run", "--once"]).await?;
    let said = worked.stdout + &worked.stderr;
    ensure!(said.contains("but the message names"), "{said}");
    let status = site.status(&task).await?;
    assert_eq!(status["remaining"], 1);
    ensure!(site.story(&task, 0).await.is_err(), "the cell was begun");
    Ok(())
}
