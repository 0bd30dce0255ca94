//! `worker fuse`: the converter without queue and ledger.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Endpoint, Finished, Fleet, Gate, Passage, eventually, objects};

use crate::support::rasters;
use crate::support::site::Site;

const BANDS: [&str; 3] = ["B04", "B03", "B02"];

/// The bands of a scene as arguments: files, or the objects that were made of them.
fn bands(site: &Site, cell: &Value, remote: bool) -> Result<Vec<String>> {
    let prefix = cell["files"].as_str().context("a cell without files")?;
    BANDS
        .map(|band| {
            Ok(if remote {
                format!("{band}={prefix}{band}.jp2")
            } else {
                format!("{band}={}", site.band(cell, band)?.display())
            })
        })
        .into_iter()
        .collect()
}

async fn fuse(site: &Site, bands: &[String], output: &str) -> Result<Finished> {
    let mut arguments = vec!["fuse"];
    arguments.extend(bands.iter().map(String::as_str));
    arguments.extend(["-o", output]);
    site.fleet.worker(&arguments).await
}

#[tokio::test]
async fn files_and_objects_give_the_same_raster() -> Result<()> {
    let site = Site::new("fuse").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let (local, remote) = (bands(&site, &cell, false)?, bands(&site, &cell, true)?);
    let folder = site.path("out");
    fs::create_dir(&folder)?;
    let file = |name: &str| folder.join(name).display().to_string();
    let bucket = &site.stack.output_bucket;

    let finished = fuse(&site, &local, &file("a.tif")).await?;
    assert!(
        finished
            .expect_code(0)?
            .stdout
            .contains("600 x 600, 3 band(s), EPSG:32648"),
        "{}",
        finished.story()
    );
    fuse(&site, &remote, &file("b.tif")).await?.expect_code(0)?;
    fuse(&site, &remote, &format!("s3://{bucket}/c.tif"))
        .await?
        .expect_code(0)?;
    fuse(&site, &local, &format!("s3://{bucket}/d.tif"))
        .await?
        .expect_code(0)?;

    let paths = BANDS
        .map(|band| site.band(&cell, band))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    rasters::assert_made_of(&folder.join("a.tif"), &paths)?;
    rasters::assert_valid_cog(&folder.join("a.tif"))?;
    let expected = fs::read(folder.join("a.tif"))?;
    assert!(fs::read(folder.join("b.tif"))? == expected);
    for key in ["c.tif", "d.tif"] {
        assert!(
            objects::read(&site.stack.s3, bucket, key).await? == expected,
            "{key}"
        );
    }
    assert_eq!(fs::read_dir(&folder)?.count(), 2, "no other file");
    Ok(())
}

#[tokio::test]
async fn a_band_that_is_not_there_is_named_and_nothing_is_written() -> Result<()> {
    let site = Site::new("fuse-missing").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let mut remote = bands(&site, &cell, true)?;
    remote[1] = remote[1].replace("B03.jp2", "B99.jp2");
    let folder = site.path("out");
    fs::create_dir(&folder)?;
    let failed = fuse(
        &site,
        &remote,
        &folder.join("out.tif").display().to_string(),
    )
    .await?;
    let words = &failed.expect_code(1)?.stderr;
    assert!(
        words.contains("band B03") && words.contains("B99.jp2"),
        "{}",
        failed.story()
    );
    let to_object = fuse(
        &site,
        &remote,
        &format!("s3://{}/out.tif", site.stack.output_bucket),
    )
    .await?;
    assert_eq!(&to_object.expect_code(1)?.stderr, words);

    let local = bands(&site, &cell, false)?;
    let nowhere = fuse(
        &site,
        &local,
        &folder.join("no/such/out.tif").display().to_string(),
    )
    .await?;
    assert!(
        nowhere
            .expect_code(1)?
            .stderr
            .contains("no/such/out.tif cannot be written"),
        "{}",
        nowhere.story()
    );
    assert_eq!(fs::read_dir(&folder)?.count(), 0);
    assert!(
        objects::list(&site.stack.s3, &site.stack.output_bucket, "")
            .await?
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn an_interrupt_ends_it_even_while_it_waits_for_s3() -> Result<()> {
    let site = Site::new("fuse-stop").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let gate = Gate::before(Endpoint::shared()?.url())?;
    gate.set(Passage::Held);
    let fleet = Fleet::new(&site.stack)?.with("AWS_ENDPOINT_URL_S3", gate.url());
    let folder = site.path("out");
    fs::create_dir(&folder)?;
    let output = folder.join("out.tif").display().to_string();
    let bands = bands(&site, &cell, true)?;
    let mut arguments = vec!["fuse"];
    arguments.extend(bands.iter().map(String::as_str));
    arguments.extend(["-o", &output]);
    let mut process = fleet.start("worker", &arguments)?;
    eventually("its call", BOUND, async || {
        Ok((gate.connections() > 0).then_some(()))
    })
    .await?;
    process.signal(Signal::SIGINT)?;
    assert_eq!(
        process.wait(BOUND).await?.code(),
        Some(1),
        "{}",
        process.log()
    );
    assert!(
        process
            .log()
            .contains("stopped by a signal; nothing was written"),
        "{}",
        process.log()
    );
    assert_eq!(fs::read_dir(&folder)?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_another_band_is_refused() -> Result<()> {
    let site = Site::new("other-band").await?;
    let cell = site.add_scene_of("48RXT", "2020-08-01", 64).await?;
    let [red, green] = ["B04", "B03"].map(|band| site.band(&cell, band));
    let (red, green) = (red?.display().to_string(), green?.display().to_string());
    let plain = site.path("plain.jp2").display().to_string();
    fs::copy(&red, &plain)?;
    let output = site.path("out.tif").display().to_string();
    for (first, second, words) in [
        (&red, &red, "is named after band B04 and passed as B03"),
        (&green, &green, "is named after band B03 and passed as B04"),
        (
            &plain,
            &plain,
            "is passed as B04 and as B03; pass two files",
        ),
    ] {
        let bands = [format!("B04={first}"), format!("B03={second}")];
        let recipe = ["--recipe", "expr:R - G", "-o", &output];
        let arguments = [&["fuse", &bands[0], &bands[1]], &recipe[..]].concat();
        let refused = site.fleet.worker(&arguments).await?;
        refused.expect_code(1)?;
        ensure!(refused.stderr.contains(words), "{}", refused.story());
    }
    Ok(())
}
