//! Commands that die at any moment, and are run again.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tilefleet_common::aws::Queue;
use tilefleet_common::domain::{JobId, SHARD_SIZE, TaskId, shard_count};
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_tests::Fleet;
use tilefleet_tests::process::{Farewell, Process};

use crate::site::Site;
use crate::verify::{purge, taken};

/// Three shards, the last one short.
pub(crate) const CELLS: u32 = 450;

/// Cells whose bands are not there.
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
    (0..CELLS).map(line).collect()
}

/// Brings a task to its end with all cells failed, step by step as workers do it.
pub(crate) async fn fail_all(site: &Site, task: &TaskId, cells: u32) -> Result<()> {
    let failure = Failure {
        code: "decode".into(),
        message: "no".into(),
    };
    let fail = async |ordinal: u32| -> Result<()> {
        let cell = format!("48RXT/2020-08-01/{ordinal}").parse()?;
        let ticket = Ticket {
            task: task.clone(),
            shard: ordinal / SHARD_SIZE,
            ordinal,
            cell,
            job: JobId::Probe,
        };
        site.ledger
            .write(&transition::record_failed(&ticket, &failure, "w", "now"))
            .await?;
        site.ledger
            .write(&transition::close_failed(&ticket))
            .await?;
        Ok(())
    };
    for ordinal in 0..cells {
        fail(ordinal).await?;
    }
    for shard in 0..shard_count(cells, SHARD_SIZE) {
        site.ledger
            .transact(&transition::close_shard(task, shard))
            .await?;
    }
    site.ledger
        .write(&transition::complete_task(task, "now"))
        .await?;
    site.ledger
        .write(&transition::mark_notified(task, 1))
        .await?;
    Ok(())
}

/// How often each ordinal of the task is in the queue. Takes all messages out.
pub(crate) async fn queued(site: &Site, task: &TaskId) -> Result<BTreeMap<u64, u32>> {
    let mut queued = BTreeMap::new();
    for body in taken(site).await? {
        let body: Value = serde_json::from_str(&body)?;
        if body["task"] == task.as_str() {
            *queued
                .entry(body["ordinal"].as_u64().context("no ordinal")?)
                .or_default() += 1;
        }
    }
    Ok(queued)
}

/// How far a command is with a task of three shards: shards that it has reopened, and messages that
/// it has sent.
pub(crate) async fn progress(site: &Site, task: &TaskId) -> Result<u64> {
    let shards = site.ledger.some_shards(task, &[0, 1, 2]).await?;
    let reopened: u32 = shards.values().map(|shard| shard.reopened).sum();
    let queue = Queue::new(site.stack.sqs.clone(), site.stack.queue_url.clone());
    Ok(u64::from(reopened) * 150 + queue.attributes().await?.waiting)
}

/// Runs a command of `producer` and kills it when it is so far, unless it ends before. Whether it
/// was killed.
pub(crate) async fn killed(
    fleet: &Fleet,
    command: &[&str],
    goal: u64,
    progress: impl AsyncFn() -> Result<u64>,
) -> Result<bool> {
    let mut process = fleet.command("producer", command, Farewell::KILL)?;
    let log = fleet.logs().join("killed.log");
    process
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&log)?)
        .stderr(Stdio::null());
    let from = progress().await?;
    let mut process = Process::start("producer", process, Some(&log), Farewell::KILL)?;
    while process.exited()?.is_none() {
        if progress().await? >= from + goal {
            return Ok(!process.kill()?.success());
        }
    }
    Ok(false)
}

/// Holds a task that runs, all of whose cells are to be made, against ledger and queue. Takes all
/// messages out.
pub(crate) async fn waits_for_all(site: &Site, task: &TaskId, cells: u32) -> Result<()> {
    let record = site.ledger.task(task).await?.context("no task")?;
    let shards = site.ledger.shards(task, &record).await?;
    let open: BTreeSet<u32> = shards.keys().copied().collect();
    ensure!(
        (record.state.name(), &record.open_shards) == ("RUNNING", &open),
        "{record:?}"
    );
    let pending: Vec<u32> = shards
        .values()
        .flat_map(|shard| shard.pending.iter().copied())
        .collect();
    ensure!(
        pending == (0..cells).collect::<Vec<_>>(),
        "pending: {pending:?}"
    );
    ensure!(
        shards
            .values()
            .all(|shard| shard.enqueued && shard.failed.is_empty()),
        "{shards:?}"
    );
    let queued = queued(site, task).await?;
    let missing: BTreeSet<u64> = (0..u64::from(cells))
        .filter(|ordinal| !queued.contains_key(ordinal))
        .collect();
    ensure!(missing.is_empty(), "not in the queue: {missing:?}");
    Ok(())
}

#[tokio::test]
async fn a_retry_and_a_resume_killed_at_any_moment_and_run_again_leave_no_cell_without_a_message()
-> Result<()> {
    let site = Site::new("killed-ops").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    for salt in 0..4 {
        let file = site.write(&format!("cells-{salt}.ndjson"), empty_lines(&site, salt))?;
        let task = site.submit(&file).await?;
        let id: TaskId = task.parse()?;
        purge(&site).await?;
        fail_all(&site, &id, CELLS).await?;
        for (command, epoch) in [("retry", 2), ("resume", 2)] {
            let said = format!("seed {seed}, task {salt}, {command}");
            if command == "resume" {
                site.producer(&["cancel", &task, "--reason", "to see"])
                    .await?
                    .expect_code(0)?;
            }
            let goal = random.random_range(0..700);
            let far = async || progress(&site, &id).await;
            kills += u32::from(killed(&site.fleet, &[command, &task], goal, far).await?);
            site.producer(&[command, &task])
                .await?
                .expect_code(0)
                .context(said.clone())?;
            assert_eq!(
                site.ledger.task(&id).await?.map(|record| record.epoch),
                Some(epoch),
                "{said}"
            );
            waits_for_all(&site, &id, CELLS)
                .await
                .with_context(|| said.clone())?;
        }
    }
    assert!(kills > 0, "seed {seed}: nothing was killed before its end");
    Ok(())
}
