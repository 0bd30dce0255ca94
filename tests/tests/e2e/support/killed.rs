//! Commands that are killed before their end, and tasks for them.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tilefleet_common::aws::Queue;
use tilefleet_common::domain::{JobId, SHARD_SIZE, TaskId, shard_count};
use tilefleet_common::ledger::transition::{self, Failure, Notice, Ticket};
use tilefleet_tests::Fleet;
use tilefleet_tests::process::{Process, Termination};

use crate::support::queues::queued;
use crate::support::site::Site;

/// Runs a command of `producer` and kills it when `progress` has grown by `goal`. Returns whether
/// it was killed before its end.
pub(crate) async fn killed(
    fleet: &Fleet,
    command: &[&str],
    goal: u64,
    progress: impl AsyncFn() -> Result<u64>,
) -> Result<bool> {
    let mut process = fleet.command("producer", command, Termination::KILL)?;
    let log = fleet.logs().join("killed.log");
    process
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&log)?)
        .stderr(Stdio::null());
    let from = progress().await?;
    let mut process = Process::start("producer", process, Some(&log), Termination::KILL)?;
    while process.exited()?.is_none() {
        if progress().await? >= from + goal {
            return Ok(!process.kill()?.success());
        }
    }
    Ok(false)
}

/// The progress of a command on a task of three shards: the shards that it has reopened and the
/// messages that it has sent.
pub(crate) async fn progress(site: &Site, task: &TaskId) -> Result<u64> {
    let shards = site.ledger.some_shards(task, &[0, 1, 2]).await?;
    let reopened: u32 = shards.values().map(|shard| shard.reopened).sum();
    let queue = Queue::new(site.stack.sqs.clone(), site.stack.queue_url.clone());
    Ok(u64::from(reopened) * 150 + queue.attributes().await?.waiting)
}

/// Completes a task with all cells failed, by the steps of workers.
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
            group: 0,
            ordinal,
            cell,
            job: JobId::Probe,
            reopened: 0,
            expires_at: None,
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
            .transact(&transition::close_shard(task, 0, shard))
            .await?;
    }
    site.ledger
        .transact(&transition::close_group(task, 0))
        .await?;
    site.ledger
        .write(&transition::complete_task(task, "now"))
        .await?;
    site.ledger
        .write(&transition::mark_notified(task, Notice::Complete(1)))
        .await?;
    Ok(())
}

/// Fails unless the task runs, all its cells are pending in the ledger, and each has a message in
/// the queue. Takes all messages out.
pub(crate) async fn waits_for_all(site: &Site, task: &TaskId, cells: u32) -> Result<()> {
    let record = site.ledger.task(task).await?.context("no task")?;
    let shards = site.ledger.shards(task, &record).await?;
    let all: BTreeSet<u32> = shards.keys().copied().collect();
    let open = site.ledger.open(task, &record).await?;
    ensure!(
        record.state.name() == "RUNNING"
            && open.shards == all
            && open.unclosed.is_empty()
            && open.missing.is_empty(),
        "{record:?} {open:?}"
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
