//! Machines that are interrupted or ended, and what their workers do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName;
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_tests::instance::{GROUP, HOOK, INSTANCE_ID};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{
    Endpoint, Fleet, Gate, Instance, Passage, Process, StackOptions, eventually,
};

use crate::support::queues::attribute;
use crate::support::site::Site;
use crate::support::worker_log::wait_for_line;

/// Longer than any wait of a test: a message that becomes visible was handed back.
const HIDDEN_S: u32 = 10 * 60;

/// A worker that has begun a cell and cannot finish it, because its bands do not arrive.
struct Stuck {
    site: Site,
    instance: Instance,
    worker: Process,
    task: String,
}

impl Stuck {
    async fn new(word: &str) -> Result<Self> {
        let options = StackOptions {
            visibility_timeout_s: HIDDEN_S,
            ..StackOptions::default()
        };
        let site = Site::with(word, options).await?;
        let instance = Instance::start()?;
        let gate = Gate::before(Endpoint::shared()?.url())?;
        gate.set(Passage::Held);
        let fleet = Fleet::new(&site.stack)?
            .with("AWS_ENDPOINT_URL_S3", gate.url())
            .with_all(instance.environment());
        let task = site
            .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
            .await?;
        let mut worker = fleet.start("worker", &["run", "--name", "stuck"])?;
        wait_for_line(&mut worker, &["begun"]).await?;
        Ok(Self {
            site,
            instance,
            worker,
            task,
        })
    }

    /// Runs another worker for the cell, and ends the first.
    async fn finish(mut self) -> Result<()> {
        let mut other = self
            .site
            .fleet
            .start("worker", &["run", "--name", "other"])?;
        let begun = wait_for_line(&mut other, &["begun"]).await?;
        ensure!(
            self.site.completion(&self.task).await?.body["ok"] == 1,
            "{}",
            other.log()
        );
        let story = self.site.story(&self.task, 0).await?.history;
        assert_eq!(
            (story.worker.as_deref(), story.failures, story.interruptions),
            (Some("other"), 0, 1)
        );
        // A worker that ended before its machine would be started again, and take cells.
        self.worker.still_runs()?;
        self.worker.signal(Signal::SIGTERM)?;
        let status = self.worker.wait(BOUND).await?;
        assert_eq!(status.code(), Some(0), "{}", self.worker.last_words());
        assert!(!begun.is_empty());
        Ok(())
    }
}

/// The time of a line.
fn logged_at(line: &str) -> Result<String> {
    let line: Value = serde_json::from_str(line)?;
    Ok(line["timestamp"]
        .as_str()
        .context("no timestamp")?
        .to_owned())
}

#[tokio::test]
async fn a_spot_notice_hands_back_what_is_not_being_fused() -> Result<()> {
    let mut stuck = Stuck::new("spot").await?;
    let in_two_minutes = std::time::SystemTime::now() + Duration::from_mins(2);
    let seconds = in_two_minutes
        .duration_since(std::time::UNIX_EPOCH)?
        .as_secs();
    let time = aws_sdk_sqs::primitives::DateTime::from_secs(i64::try_from(seconds)?);
    let time = time.fmt(aws_sdk_sqs::primitives::DateTimeFormat::DateTime)?;
    stuck.instance.announce(
        "spot/instance-action",
        &format!(r#"{{"action": "terminate", "time": "{time}"}}"#),
    );
    let noticed =
        logged_at(&wait_for_line(&mut stuck.worker, &["a spot interruption is announced"]).await?)?;
    let handed_back =
        logged_at(&wait_for_line(&mut stuck.worker, &["interrupted; handed back"]).await?)?;
    eprintln!("noticed {noticed}, handed back {handed_back}");
    stuck.finish().await
}

#[tokio::test]
async fn a_machine_that_its_group_ends_is_released_when_its_worker_holds_no_message() -> Result<()>
{
    let mut stuck = Stuck::new("terminated").await?;
    stuck
        .instance
        .announce("autoscaling/target-lifecycle-state", "Terminated");
    wait_for_line(&mut stuck.worker, &["the lifecycle action is complete"]).await?;
    let hidden = attribute(
        &stuck.site,
        &stuck.site.stack.queue_url,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    );
    assert_eq!(hidden.await?, 0, "{}", stuck.worker.log());
    let calls = stuck.instance.calls();
    let call = calls
        .iter()
        .find(|call| call["Action"] == "CompleteLifecycleAction")
        .context("no call")?;
    for (field, value) in [
        ("AutoScalingGroupName", GROUP),
        ("LifecycleHookName", HOOK),
        ("InstanceId", INSTANCE_ID),
        ("LifecycleActionResult", "CONTINUE"),
    ] {
        assert_eq!(call.get(field).map(String::as_str), Some(value), "{call:?}");
    }
    stuck.finish().await
}

#[tokio::test]
async fn a_machine_is_protected_from_scale_in_while_its_worker_holds_a_cell() -> Result<()> {
    let mut stuck = Stuck::new("protected").await?;
    let protections = |instance: &Instance| -> Vec<String> {
        let calls = instance.calls();
        calls
            .iter()
            .filter_map(|call| call.get("ProtectedFromScaleIn").cloned())
            .collect()
    };
    eventually("protection", BOUND, async || {
        Ok((protections(&stuck.instance) == ["true"]).then_some(()))
    })
    .await?;
    stuck.worker.signal(Signal::SIGTERM)?;
    assert_eq!(
        stuck.worker.wait(BOUND).await?.code(),
        Some(0),
        "{}",
        stuck.worker.last_words()
    );
    assert_eq!(protections(&stuck.instance), ["true", "false"]);
    Ok(())
}

#[tokio::test]
async fn cells_complete_when_the_group_refuses_every_call() -> Result<()> {
    let site = Site::new("refusing").await?;
    let instance = Instance::start()?;
    instance.refuse();
    let task = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let mut worker = Fleet::new(&site.stack)?
        .with_all(instance.environment())
        .start("worker", &["run"])?;
    let denied = [
        "scale-in protection not set",
        "the role needs autoscaling:SetInstanceProtection",
    ];
    wait_for_line(&mut worker, &denied).await?;
    assert_eq!(site.completion(&task).await?.body["ok"], 1);
    worker.still_runs()
}

#[tokio::test]
async fn a_recommendation_to_rebalance_ends_no_cell_and_begins_none() -> Result<()> {
    let mut stuck = Stuck::new("rebalance").await?;
    stuck.instance.announce(
        "events/recommendations/rebalance",
        r#"{"noticeTime": "2026-01-01T08:22:00Z"}"#,
    );
    wait_for_line(&mut stuck.worker, &["a replacement is recommended"]).await?;
    let dates = [
        "2020-08-06",
        "2020-08-11",
        "2020-08-16",
        "2020-08-21",
        "2020-08-26",
    ];
    let mut cells = vec![];
    for date in dates {
        cells.push(stuck.site.add_scene("48RXT", date).await?);
    }
    let task = stuck.site.submit(&stuck.site.document(&cells)?).await?;
    // Were the first worker still receiving, it would get some of them, and hold them as it holds
    // the other.
    let _other = stuck
        .site
        .fleet
        .start("worker", &["run", "--name", "other"])?;
    assert_eq!(stuck.site.completion(&task).await?.body["ok"], 5);
    assert_eq!(
        stuck.worker.log().matches("\"begun\"").count(),
        1,
        "{}",
        stuck.worker.log()
    );
    assert!(
        !stuck.worker.log().contains("handed back"),
        "{}",
        stuck.worker.log()
    );
    stuck.worker.still_runs()
}

#[tokio::test]
async fn a_worker_without_instance_metadata_makes_no_auto_scaling_calls() -> Result<()> {
    let site = Site::new("no-instance").await?;
    let instance = Instance::start()?;
    site.submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let fleet = Fleet::new(&site.stack)?
        .with_all(instance.environment())
        .with("AWS_EC2_METADATA_DISABLED", "true");
    let worked = fleet.worker(&["run", "--until-empty"]).await?;
    worked.expect_code(0)?;
    assert!(instance.calls().is_empty(), "{:?}", instance.calls());
    assert!(!worked.stderr.contains("metadata"), "{}", worked.story());
    Ok(())
}
