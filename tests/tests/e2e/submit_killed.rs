//! A submit that dies at any moment, and is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tilefleet_common::domain::TaskId;
use tilefleet_tests::process::{Farewell, Process};

use crate::site::Site;

/// Three shards, the last one short.
const CELLS: u32 = 450;

fn lines(site: &Site, salt: u32) -> String {
    let mut text = String::new();
    for number in 0..CELLS {
        let line = serde_json::json!({
            "files": format!("s3://{}/tiles/48/R/XT/2020/8/1/{number}/R10m/", site.stack.scene_bucket),
            "date": "2020-08-01",
            "output": format!("s3://{}/{salt}/", site.stack.output_bucket),
        });
        text += &line.to_string();
        text.push('\n');
    }
    text
}

/// How often each ordinal of `task` is in the queue. Takes the messages out.
async fn queued(site: &Site, task: &str) -> Result<BTreeMap<u64, u32>> {
    let mut queued = BTreeMap::new();
    loop {
        let receive = site.stack.sqs.receive_message().queue_url(&site.stack.queue_url);
        let received = receive.max_number_of_messages(10).wait_time_seconds(0).send().await?;
        if received.messages().is_empty() {
            return Ok(queued);
        }
        for message in received.messages() {
            let body: Value = serde_json::from_str(message.body().context("no body")?)?;
            if body["task"] == task {
                *queued.entry(body["ordinal"].as_u64().context("no ordinal")?).or_default() += 1;
            }
            let delete = site.stack.sqs.delete_message().queue_url(&site.stack.queue_url);
            delete.receipt_handle(message.receipt_handle().context("no receipt")?).send().await?;
        }
    }
}

/// How many items the table has.
async fn items(site: &Site) -> Result<i32> {
    Ok(site.stack.dynamodb.scan().table_name(&site.stack.table).send().await?.count())
}

#[tokio::test]
async fn a_submit_killed_at_any_moment_and_run_again_is_one_task_with_every_cell_once() -> Result<()> {
    let site = Site::new("killed").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let mut unfinished = 0;
    for salt in 0..12 {
        let said = format!("seed {seed}, task {salt}");
        let file = site.write(&format!("cells-{salt}.ndjson"), lines(&site, salt))?;
        // The moment is drawn as a number of items that the submit has put, not as a time: machines differ.
        let goal = random.random_range(0..5);
        let before = items(&site).await?;
        let mut command = site.fleet.command("producer", &["submit", &file, "-o", "json"], Farewell::KILL)?;
        let log = site.path(&format!("killed-{salt}.log"));
        command.stdin(Stdio::null()).stdout(std::fs::File::create(&log)?).stderr(Stdio::null());
        let mut process = Process::start("producer", command, Some(&log), Farewell::KILL)?;
        while process.exited()?.is_none() {
            if items(&site).await? >= before + goal {
                process.kill()?;
            }
        }
        let again = site.producer(&["submit", &file, "-o", "json"]).await?;
        let again = again.expect_code(0).context(said.clone())?.json()?;
        let id = again["task"].as_str().context("no task")?;
        if again["already"] != true {
            unfinished += 1;
        }

        let task: TaskId = id.parse()?;
        let record = site.ledger.task(&task).await?.with_context(|| format!("{said}: no task"))?;
        assert_eq!((record.cells, record.open_shards.len()), (CELLS, 3), "{said}");
        let shards = site.ledger.shards(&task, &record).await?;
        let pending: Vec<u32> = shards.values().flat_map(|shard| shard.pending.iter().copied()).collect();
        assert_eq!(pending, (0..CELLS).collect::<Vec<_>>(), "{said}: every cell once in the ledger");
        assert!(shards.values().all(|shard| shard.enqueued && shard.failed.is_empty()), "{said}");
        let queued = queued(&site, id).await?;
        let missing: BTreeSet<u64> =
            (0..u64::from(CELLS)).filter(|ordinal| !queued.contains_key(ordinal)).collect();
        assert!(missing.is_empty(), "{said}: not in the queue: {missing:?}");
    }
    assert!(unfinished > 0, "seed {seed}: no submit was killed before its end");
    Ok(())
}
