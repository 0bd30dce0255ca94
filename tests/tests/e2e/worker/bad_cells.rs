//! Cells that cannot become rasters: each fails with a message that a person can act on, and stops
//! no other cell.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tilefleet_scenes::encode::jp2;
use tilefleet_scenes::{Coding, Georeference};
use tilefleet_tests::poll::BOUND;

use crate::support::site::Site;

const PIXELS: u32 = 64;

/// A band of noise of this width, at this place.
fn band(width: u32, georeference: &Georeference) -> Result<Vec<u8>> {
    let samples: Vec<u16> = (0..width * PIXELS)
        .map(|n| u16::try_from(n * 7919 % 9000 + 1).unwrap_or(1))
        .collect();
    Ok(jp2(
        &samples,
        width,
        PIXELS,
        georeference,
        &Coding::default(),
    )?)
}

/// A cell of three objects with the given bytes as B03.
async fn add(site: &Site, cell: &str, b03: Option<&[u8]>) -> Result<Value> {
    let here = Georeference {
        epsg: 32648,
        west: 600_000.0,
        north: 3_500_040.0,
        pixel: 10.0,
    };
    let name = cell.replace('/', "-");
    let mut assets = json!({});
    for band_name in ["B02", "B03", "B04"] {
        let key = format!("{name}/{band_name}.jp2");
        let sound = band(PIXELS, &here)?;
        let bytes = if band_name == "B03" {
            b03
        } else {
            Some(sound.as_slice())
        };
        if let Some(bytes) = bytes {
            site.put(&key, bytes).await?;
        }
        assets[band_name] = format!(
            "s3://{}/{}/{key}",
            site.stack.scene_bucket, site.stack.prefix
        )
        .into();
    }
    Ok(json!({"cell": cell, "assets": assets, "output_bucket": site.stack.output_bucket}))
}

/// The bytes of B03, the error's code, and parts of its message.
type Case = (Option<Vec<u8>>, &'static str, Vec<&'static str>);

/// A sound cell, and one of each kind that cannot become a raster.
fn cases() -> Result<Vec<Case>> {
    let place = |west: f64, epsg: u16| Georeference {
        epsg,
        west,
        north: 3_500_040.0,
        pixel: 10.0,
    };
    let sound = band(PIXELS, &place(600_000.0, 32648))?;
    let cut = sound.get(..sound.len() - 20).context("too short")?;
    Ok(vec![
        (Some(sound.clone()), "", vec![]),
        (
            None,
            "missing_object",
            vec![
                "bucket or object s3://",
                "B03.jp2 does not exist (NoSuchKey); check the address",
            ],
        ),
        (
            Some(b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>".to_vec()),
            "not_jp2",
            vec![
                "band B03 (s3://",
                "a JPEG 2000 file (JP2) or a GeoTIFF is expected: check the key and what was uploaded there",
            ],
        ),
        (Some(vec![]), "not_jp2", vec!["band B03 (s3://", "empty"]),
        (
            Some(cut.to_vec()),
            "truncated",
            vec![
                "band B03 (s3://",
                "is incomplete at byte",
                "upload it again",
            ],
        ),
        (
            Some(band(PIXELS / 2, &place(600_000.0, 32648))?),
            "band_mismatch",
            vec![
                "band B03 (s3://",
                "32x64",
                "band B04 (s3://",
                "64x64",
                "the bands of a cell must agree in size",
            ],
        ),
        (
            Some(band(PIXELS, &place(600_000.0, 32649))?),
            "band_mismatch",
            vec![
                "EPSG:32649",
                "EPSG:32648",
                "the bands of a cell must agree in",
            ],
        ),
        (
            Some(band(PIXELS, &place(600_010.0, 32648))?),
            "band_mismatch",
            vec!["600010", "600000", "the bands of a cell must agree in"],
        ),
    ])
}

#[tokio::test]
async fn a_bad_cell_fails_with_its_reason_and_stops_no_other() -> Result<()> {
    let site = Site::new("bad-cells").await?;
    let cases = cases()?;
    let mut lines = String::new();
    for (number, (b03, ..)) in cases.iter().enumerate() {
        lines += &add(&site, &format!("48RXT/2020-08-01/{number}"), b03.as_deref())
            .await?
            .to_string();
        lines.push('\n');
    }
    let task = site.submit(&site.write("cells.ndjson", lines)?).await?;
    site.work().await?;

    let mut failed = 0;
    for (number, (_, code, words)) in cases.iter().enumerate() {
        let story = site.story(&task, u32::try_from(number)?).await?.history;
        let message = story.error_message.clone().unwrap_or_default();
        assert_eq!(
            story.error_code.as_deref().unwrap_or_default(),
            *code,
            "cell {number}: {message}"
        );
        for word in words {
            assert!(
                message.contains(word),
                "cell {number}: {word:?} is not in {message:?}"
            );
        }
        failed += u32::from(!code.is_empty());
    }
    let mut outcomes = vec![];
    while outcomes.len() < usize::try_from(failed)? {
        let wanted = |notice: &tilefleet_tests::Notice| notice.event() == "cell_failed";
        let notice = site.stack.notices().first(BOUND, wanted).await;
        match notice {
            Ok(notice) => outcomes.push(notice.attributes["outcome"].clone()),
            Err(error) => anyhow::bail!("{outcomes:?} and then {error:#}"),
        }
    }
    outcomes.sort();
    let mut expected: Vec<&str> = cases
        .iter()
        .map(|(_, code, _)| *code)
        .filter(|code| !code.is_empty())
        .collect();
    expected.sort_unstable();
    assert_eq!(outcomes, expected);

    let ended = site.status(&task).await?;
    assert_eq!(
        (&ended["state"], &ended["ok"], &ended["failed"]),
        (&"COMPLETE".into(), &1.into(), &failed.into())
    );
    site.producer(&["wait", &task]).await?.expect_code(10)?;
    Ok(())
}

#[tokio::test]
async fn the_notice_of_a_task_counts_its_failed_cells() -> Result<()> {
    let site = Site::new("counted").await?;
    let lines = format!(
        "{}\n{}\n",
        add(&site, "48RXT/2020-08-01/0", None).await?,
        add(
            &site,
            "48RXT/2020-08-01/1",
            Some(b"version https://git-lfs.github.com/spec/v1\n")
        )
        .await?
    );
    let task = site.submit(&site.write("cells.ndjson", lines)?).await?;
    site.work().await?;
    let notice = site.completion(&task).await?;
    assert_eq!(
        (&notice.body["outcome"], &notice.body["failed"]),
        (&"all_failed".into(), &2.into())
    );
    assert_eq!(notice.attributes["outcome"], "all_failed");
    let message = site
        .story(&task, 1)
        .await?
        .history
        .error_message
        .unwrap_or_default();
    assert!(message.contains("Git LFS"), "{message}");
    Ok(())
}
