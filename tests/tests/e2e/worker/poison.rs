//! Malformed messages, and cells that kill their worker.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Fleet, Notice, StackOptions, eventually, objects};

use crate::support::queues::{left, taken};
use crate::support::site::Site;

/// The malformed messages that were kept below `poison/`, by their bodies.
async fn kept(site: &Site) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for object in objects::list(&site.stack.s3, &site.stack.output_bucket, "poison/").await? {
        let path = site.path("kept.json");
        objects::download(
            &site.stack.s3,
            &site.stack.output_bucket,
            &object.key,
            &path,
        )
        .await?;
        let object: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        all.insert(
            object["body"].as_str().context("no body")?.to_owned(),
            object,
        );
    }
    Ok(all)
}

#[tokio::test]
async fn a_malformed_message_is_kept_counted_and_removed() -> Result<()> {
    let site = Site::new("poison").await?;
    let task = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let queues = [&site.stack.queue_url, &site.stack.dead_letter_queue_url];
    for url in queues {
        site.stack
            .sqs
            .send_message()
            .queue_url(url)
            .message_body(url)
            .send()
            .await?;
    }
    let health = site.path("health.json");
    let place = format!("s3://{}/poison", site.stack.output_bucket);
    let arguments = [
        "run",
        "--poison",
        &place,
        "--health-file",
        &health.display().to_string(),
    ];
    let mut worker = site.fleet.start("worker", &arguments)?;
    let objects = eventually("the kept messages", BOUND, async || {
        worker.still_runs()?;
        Ok(Some(kept(&site).await?).filter(|kept| kept.len() == 2))
    })
    .await?;
    for url in queues {
        let object = objects.get(url).context("another body")?;
        assert_eq!(
            (&object["queue"], &object["receives"]),
            (&url.as_str().into(), &1.into()),
            "{object}"
        );
        assert!(
            object["error"]
                .as_str()
                .is_some_and(|error| error.contains("expected")),
            "{object}"
        );
        eventually("an empty queue", BOUND, async || {
            Ok((left(&site, url).await? == 0).then_some(()))
        })
        .await?;
    }
    assert_eq!(site.completion(&task).await?.body["ok"], 1);
    eventually("the count in the health file", BOUND, async || {
        let pulse: Value = serde_json::from_slice(&std::fs::read(&health)?)?;
        Ok((pulse["poison"] == 2).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_malformed_message_stays_in_the_queue_when_it_cannot_be_kept() -> Result<()> {
    let site = Site::new("unkept").await?;
    let queue = &site.stack.queue_url;
    site.stack
        .sqs
        .send_message()
        .queue_url(queue)
        .message_body("no cell")
        .send()
        .await?;
    let worked = site
        .fleet
        .worker(&[
            "run",
            "--once",
            "--poison",
            &format!("s3://{}-none/poison", site.stack.prefix),
        ])
        .await?;
    worked.expect_code(0)?;
    assert!(
        worked
            .stderr
            .contains("cannot be copied; it goes back to the queue"),
        "{}",
        worked.story()
    );
    assert_eq!(left(&site, queue).await?, 1);
    Ok(())
}

/// Starts a worker again after each death, as systemd does, until a task is complete. Returns the
/// notice and the number of deaths.
async fn until_complete(site: &Site, fleet: &Fleet) -> Result<(Notice, u32)> {
    let mut deaths = 0;
    loop {
        let mut worker = fleet.start("worker", &["run", "--slots", "4"])?;
        let mut notices = vec![];
        let ended = eventually("the end of a worker or of the task", BOUND, async || {
            notices.extend(site.stack.notices().drain().await?);
            let complete = notices
                .iter()
                .find(|notice| notice.event() == "task_complete")
                .cloned();
            Ok(match complete {
                Some(notice) => Some(Ok(notice)),
                None => worker.exited()?.map(Err),
            })
        })
        .await
        .with_context(|| worker.last_words())?;
        match ended {
            Ok(notice) => return Ok((notice, deaths)),
            Err(status) => {
                let aborted = status.signal() == Some(Signal::SIGABRT as i32);
                ensure!(aborted, "{status}: {}", worker.last_words());
                deaths += 1;
                ensure!(deaths < 20, "{}", worker.last_words());
            }
        }
    }
}

#[tokio::test]
async fn a_cell_that_kills_its_workers_fails_and_no_other_cell_does() -> Result<()> {
    let options = StackOptions {
        visibility_timeout_s: 2,
        ..StackOptions::default()
    };
    let site = Site::with("deadly", options).await?;
    let mut cells = vec![];
    for date in ["2020-08-01", "2020-08-06", "2020-08-11", "2020-08-16"] {
        cells.push(site.add_scene("48RXT", date).await?);
    }
    let task = site.submit(&site.document(&cells)?).await?;
    let deadly = "48RXT/2020-08-06/0";
    // The worker dies as soon as the bands of this cell have arrived, before a cell beside it can
    // be done. If workers did not isolate cells after a death, all would crash three times.
    let fleet = Fleet::new(&site.stack)?.with("TILEFLEET_FAULT", format!("fetch:1:{deadly}"));
    let (notice, deaths) = until_complete(&site, &fleet).await?;
    assert_eq!(
        (&notice.body["ok"], &notice.body["failed"]),
        (&3.into(), &1.into()),
        "{notice:?}"
    );
    assert_eq!(deaths, 3);
    for (ordinal, story) in site.ledger.cells(&task.parse()?, 0).await? {
        let code = story.history.error_code.as_deref();
        assert_eq!(
            code,
            (story.cell.to_string() == deadly).then_some("crashed"),
            "cell {ordinal}: {story:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_cell_that_kills_every_worker_ends_by_way_of_the_dead_letters() -> Result<()> {
    // It becomes a dead letter before the cell's budget of crashes is spent.
    let options = StackOptions {
        visibility_timeout_s: 1,
        max_receive_count: 2,
    };
    let site = Site::with("deadlier", options).await?;
    let task = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let fleet = Fleet::new(&site.stack)?
        .with("TILEFLEET_FAULT", "fuse:1")
        .with("TILEFLEET_FAULT_WAITS", "1");
    let (notice, deaths) = until_complete(&site, &fleet).await?;
    assert_eq!((&notice.body["failed"], deaths > 0), (&1.into(), true));
    assert_eq!(
        site.story(&task, 0).await?.history.error_code.as_deref(),
        Some("crashed"),
        "the message was sent again, and the crashes before that still count"
    );
    Ok(())
}

#[tokio::test]
async fn a_message_that_somebody_changed_publishes_nothing_elsewhere() -> Result<()> {
    let site = Site::new("changed").await?;
    let task = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let bucket = &site.stack.output_bucket;
    let elsewhere = format!("s3://{bucket}/elsewhere/");
    for body in taken(&site).await? {
        let mut changed: Value = serde_json::from_str(&body)?;
        changed["output"] = elsewhere.clone().into();
        let send = site
            .stack
            .sqs
            .send_message()
            .queue_url(&site.stack.queue_url);
        send.message_body(changed.to_string()).send().await?;
    }
    let place = format!("s3://{bucket}/poison");
    let arguments = ["run", "--until-empty", "--poison", &place];
    site.fleet.worker(&arguments).await?.expect_code(0)?;
    let astray = objects::list(&site.stack.s3, bucket, "elsewhere/").await?;
    assert!(astray.is_empty(), "{astray:?}");
    assert_eq!(kept(&site).await?.len(), 1);

    // The manifest still says what is to be done.
    let repaired = site.producer(&["verify", &task, "--repair"]).await?;
    repaired.expect_code(1)?;
    site.work().await?;
    assert_eq!(site.status(&task).await?["ok"], 1);
    Ok(())
}
