//! Messages that are held longer than the visibility timeout.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Endpoint, Fleet, Gate, Passage, Process, StackOptions, eventually, objects};

use crate::support::site::Site;
use crate::support::worker_log::wait_for_line;

/// A worker in the middle of a cell, whose bands come through a gate that is held, and its queue
/// through one that is open.
struct Held {
    site: Site,
    task: String,
    bands: Gate,
    queue: Gate,
    worker: Process,
}

impl Held {
    async fn new(word: &str, visibility_timeout_s: u32) -> Result<Self> {
        let options = StackOptions {
            visibility_timeout_s,
            ..StackOptions::default()
        };
        let site = Site::with(word, options).await?;
        let (bands, queue) = (
            Gate::before(Endpoint::shared()?.url())?,
            Gate::before(Endpoint::shared()?.url())?,
        );
        bands.set(Passage::Held);
        let queue_url = site
            .stack
            .queue_url
            .replace(Endpoint::shared()?.url(), queue.url());
        let fleet = Fleet::new(&site.stack)?
            .with("AWS_ENDPOINT_URL_S3", bands.url())
            .with("AWS_ENDPOINT_URL_SQS", queue.url())
            .with("TILEFLEET_QUEUE_URL", queue_url)
            .with("TILEFLEET_LOG", "warn,tilefleet_worker=debug");
        let task = site
            .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
            .await?;
        let mut worker = fleet.start("worker", &["run", "--name", "first"])?;
        wait_for_line(&mut worker, &["begun"]).await?;
        Ok(Self {
            site,
            task,
            bands,
            queue,
            worker,
        })
    }

    /// Lets the bands through to a worker that has lost its cell, and checks that it publishes
    /// nothing.
    async fn publishes_nothing(mut self) -> Result<()> {
        self.bands.set(Passage::Open);
        self.worker.signal(Signal::SIGTERM)?;
        self.worker.wait(BOUND).await?;
        let output = objects::list(&self.site.stack.s3, &self.site.stack.output_bucket, "").await?;
        assert!(
            output
                .iter()
                .all(|object| !object.key.contains("sentinel_l2a")),
            "{output:?}"
        );
        assert!(
            !self.worker.log().contains("\"published\""),
            "{}",
            self.worker.log()
        );
        let story = self.site.story(&self.task, 0).await?.history;
        assert_eq!(
            (story.failures, story.interruptions),
            (0, 1),
            "a lost lease does not count as a crash"
        );
        Ok(())
    }
}

/// The time of a line in seconds of the day.
fn second(line: &str) -> Result<f64> {
    let line: Value = serde_json::from_str(line)?;
    let stamp = line["timestamp"].as_str().context("no timestamp")?;
    let clock = stamp.split(['T', 'Z']).nth(1).context("no time of day")?;
    clock
        .split(':')
        .try_fold(0.0, |sum, part| Ok(sum * 60.0 + part.parse::<f64>()?))
}

#[tokio::test]
async fn a_cell_that_takes_longer_than_the_timeout_stays_with_its_worker() -> Result<()> {
    let mut held = Held::new("kept", 2).await?;
    let other = held
        .site
        .fleet
        .start("worker", &["run", "--name", "other"])?;
    eventually("three timeouts' renewals", BOUND, async || {
        held.worker.still_runs()?;
        Ok((held.worker.log().matches("lease renewed").count() >= 10).then_some(()))
    })
    .await?;
    held.bands.set(Passage::Open);
    assert_eq!(
        held.site.completion(&held.task).await?.body["ok"],
        1,
        "{}",
        held.worker.log()
    );
    let story = held.site.story(&held.task, 0).await?.history;
    assert_eq!(
        (story.worker.as_deref(), story.receives),
        (Some("first"), 1),
        "{}",
        other.log()
    );
    Ok(())
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_given_up_before_another_worker_may_have_it() -> Result<()>
{
    const TIMEOUT_S: u32 = 10;
    let mut held = Held::new("cut", TIMEOUT_S).await?;
    // Renewed once, so that the last renewal is known.
    let renewed = second(&wait_for_line(&mut held.worker, &["lease renewed"]).await?)?;
    held.queue.set(Passage::Cut);
    let lost =
        second(&wait_for_line(&mut held.worker, &["another worker will have the cell"]).await?)?;
    let after = (lost - renewed).rem_euclid(Duration::from_hours(24).as_secs_f64());
    eprintln!("given up {after:.1} s after the last renewal, of {TIMEOUT_S} s");
    assert!(
        after < f64::from(TIMEOUT_S),
        "{after} s: {}",
        held.worker.log()
    );
    held.publishes_nothing().await
}

#[tokio::test]
async fn a_worker_gives_up_a_cell_whose_lease_is_refused() -> Result<()> {
    let mut held = Held::new("refused", 3).await?;
    // A deleted queue refuses every renewal.
    held.site
        .stack
        .sqs
        .delete_queue()
        .queue_url(&held.site.stack.queue_url)
        .send()
        .await?;
    wait_for_line(
        &mut held.worker,
        &["the lease is lost; another worker will have the cell"],
    )
    .await?;
    held.publishes_nothing().await
}
