//! Commands that die at any moment, and are run again.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tilefleet_common::aws::Queue;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_tests::process::{Farewell, Process};

use crate::site::Site;
use crate::verify::purge;

/// Three shards, the last one short.
const CELLS: u32 = 450;

fn lines(site: &Site, salt: u32) -> String {
    let line = |number: u32| {
        let files = format!("s3://{}/tiles/48/R/XT/2020/8/1/{number}/R10m/", site.stack.scene_bucket);
        let output = format!("s3://{}/{salt}/", site.stack.output_bucket);
        format!("{}\n", json!({"files": files, "date": "2020-08-01", "output": output}))
    };
    (0..CELLS).map(line).collect()
}

/// Brings a task to its end with all cells failed, step by step as workers do it.
async fn fail_all(site: &Site, task: &TaskId) -> Result<()> {
    let failure = Failure { code: "decode".into(), message: "no".into() };
    let fail = async |ordinal: u32| -> Result<()> {
        let cell = format!("48RXT/2020-08-01/{ordinal}").parse()?;
        let ticket = Ticket { task: task.clone(), shard: ordinal / 200, ordinal, cell };
        site.ledger.write(&transition::record_failed(&ticket, &failure, "w", "now")).await?;
        site.ledger.write(&transition::close_failed(&ticket)).await?;
        Ok(())
    };
    for ordinal in 0..CELLS {
        fail(ordinal).await?;
    }
    for shard in 0..3 {
        site.ledger.transact(&transition::close_shard(task, shard)).await?;
    }
    site.ledger.write(&transition::complete_task(task, "now")).await?;
    site.ledger.write(&transition::mark_notified(task, 1)).await?;
    Ok(())
}

/// How often each ordinal is in the queue. Takes the messages out.
async fn queued(site: &Site) -> Result<BTreeMap<u64, u32>> {
    let mut queued = BTreeMap::new();
    loop {
        let receive = site.stack.sqs.receive_message().queue_url(&site.stack.queue_url);
        let received = receive.max_number_of_messages(10).wait_time_seconds(0).send().await?;
        if received.messages().is_empty() {
            return Ok(queued);
        }
        for message in received.messages() {
            let body: Value = serde_json::from_str(message.body().context("no body")?)?;
            *queued.entry(body["ordinal"].as_u64().context("no ordinal")?).or_default() += 1;
            let delete = site.stack.sqs.delete_message().queue_url(&site.stack.queue_url);
            delete.receipt_handle(message.receipt_handle().context("no receipt")?).send().await?;
        }
    }
}

/// How far the command is: shards that it has reopened, and messages that it has sent.
async fn progress(site: &Site, task: &TaskId) -> Result<u64> {
    let shards = site.ledger.some_shards(task, &[0, 1, 2]).await?;
    let reopened: u32 = shards.values().map(|shard| shard.reopened).sum();
    let queue = Queue::new(site.stack.sqs.clone(), site.stack.queue_url.clone());
    Ok(u64::from(reopened) * 150 + queue.attributes().await?.waiting)
}

/// Runs the command and kills it when it is so far, unless it ends before. Whether it was killed.
async fn killed(site: &Site, task: &TaskId, command: &[&str], goal: u64) -> Result<bool> {
    let mut process = site.fleet.command("producer", command, Farewell::KILL)?;
    let log = site.path("killed.log");
    process.stdin(Stdio::null()).stdout(std::fs::File::create(&log)?).stderr(Stdio::null());
    let mut process = Process::start("producer", process, Some(&log), Farewell::KILL)?;
    let from = progress(site, task).await?;
    while process.exited()?.is_none() {
        if progress(site, task).await? >= from + goal {
            return Ok(!process.kill()?.success());
        }
    }
    Ok(false)
}

#[tokio::test]
async fn a_retry_and_a_resume_killed_at_any_moment_and_run_again_leave_no_cell_without_a_message()
-> Result<()> {
    let site = Site::new("killed-ops").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    for salt in 0..4 {
        let file = site.write(&format!("cells-{salt}.ndjson"), lines(&site, salt))?;
        let task = site.submit(&file).await?;
        let id: TaskId = task.parse()?;
        purge(&site).await?;
        fail_all(&site, &id).await?;
        for (command, epoch) in [("retry", 2), ("resume", 2)] {
            let said = format!("seed {seed}, task {salt}, {command}");
            if command == "resume" {
                site.producer(&["cancel", &task, "--reason", "to see"]).await?.expect_code(0)?;
            }
            let goal = random.random_range(0..700);
            kills += u32::from(killed(&site, &id, &[command, &task], goal).await?);
            site.producer(&[command, &task]).await?.expect_code(0).context(said.clone())?;
            let record = site.ledger.task(&id).await?.with_context(|| format!("{said}: no task"))?;
            assert_eq!((record.state.name(), record.epoch), ("RUNNING", epoch), "{said}");
            assert_eq!(record.open_shards, [0, 1, 2].into(), "{said}");
            let shards = site.ledger.shards(&id, &record).await?;
            let pending: Vec<u32> = shards.values().flat_map(|shard| shard.pending.iter().copied()).collect();
            assert_eq!(pending, (0..CELLS).collect::<Vec<_>>(), "{said}");
            assert!(shards.values().all(|shard| shard.enqueued && shard.failed.is_empty()), "{said}");
            let queued = queued(&site).await?;
            let missing: BTreeSet<u64> =
                (0..u64::from(CELLS)).filter(|ordinal| !queued.contains_key(ordinal)).collect();
            assert!(missing.is_empty(), "{said}: not in the queue: {missing:?}");
        }
    }
    assert!(kills > 0, "seed {seed}: nothing was killed before its end");
    Ok(())
}
