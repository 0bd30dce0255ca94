//! Cells that cost only what the fleet costs, and the number of AWS calls for each.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tilefleet_common::domain::SHARD_SIZE;
use tilefleet_tests::objects;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::probe::{self, Calls};
use tilefleet_tests::process::Termination;

use crate::support::site::Site;

/// Cells that the worker works on, and cells that it holds besides.
const SLOTS: u64 = 16;
const AHEAD: u64 = 20;
/// Messages of a batch.
const BATCH: u64 = 10;
/// How long a task's item is cached (`common/src/tracker/task_cache.rs`).
const FRESH: Duration = Duration::from_secs(30);
/// How often a message's visibility timeout is renewed (`common/src/deployment.rs`, a third of it).
const RENEWAL: Duration = Duration::from_secs(40);
/// How long a message that is to be deleted waits for others
/// (`common/src/aws/sqs/delete_batcher.rs`).
const LINGER: Duration = Duration::from_millis(100);

/// Runs a task of `cells` cells. Returns the calls of the producer, the calls of the worker, and
/// how long the worker took.
async fn calls_of(site: &Site, cells: u32) -> Result<(Calls, Calls, Duration)> {
    let output = format!("s3://{}/{cells}", site.stack.output_bucket);
    let document = site.path("cells.ndjson");
    probe::write_cells(&document, cells, &site.stack.output_bucket)?;
    let document = document.to_str().context("not UTF-8")?;
    let arguments = [
        "submit", document, "--recipe", "probe", "--output", &output, "-o", "json",
    ];
    let submitted = site.json(&arguments).await?;
    let producer: Calls = serde_json::from_value(submitted["calls"].clone())?;

    let begin = Instant::now();
    let (slots, ahead) = (SLOTS.to_string(), AHEAD.to_string());
    let log = site.path(&format!("worker-{cells}.log"));
    let arguments = ["run", "--until-empty", "--slots", &slots, "--ahead", &ahead];
    let mut worker = site
        .fleet
        .start_logging_to("worker", &arguments, &log, Termination::KILL)?;
    let status = worker.wait(BOUND).await?;
    ensure!(status.success(), "{}", worker.last_words());
    let took = begin.elapsed();

    let task = submitted["task"].as_str().context("no task")?;
    let notice = site.completion(task).await?;
    ensure!(notice.body["ok"] == cells, "{}", notice.body);
    site.producer(&["verify", task]).await?.expect_code(0)?;
    Ok((producer, probe::calls_of_worker(&log)?, took))
}

/// The number of intervals that begin within `time`.
fn intervals(time: Duration, interval: Duration) -> u64 {
    u64::try_from(time.as_millis() / interval.as_millis()).unwrap_or(u64::MAX) + 1
}

#[tokio::test]
async fn a_cell_of_a_large_task_takes_as_many_calls_as_one_of_a_small_task() -> Result<()> {
    let site = Site::new("probe").await?;
    for cells in [100, 400] {
        let (producer, worker, took) = calls_of(&site, cells).await?;
        let story = format!("{cells} cells in {took:?}: producer {producer:?}, worker {worker:?}");
        let shards = u64::from(cells.div_ceil(SHARD_SIZE));
        let cells = u64::from(cells);
        let of = |calls: &Calls, operation: &str| calls.get(operation).copied().unwrap_or(0);
        let exact = |calls: &Calls, wanted: &[(&str, u64)]| -> Result<()> {
            for &(operation, wanted) in wanted {
                ensure!(
                    of(calls, operation) == wanted,
                    "{operation}: expected {wanted}; {story}"
                );
            }
            Ok(())
        };
        exact(
            &producer,
            &[
                ("sqs:SendMessageBatch", cells / BATCH),
                // A shard: created and marked as enqueued. The group: created. The task: created and
                // marked as submitted.
                ("dynamodb:UpdateItem", 2 * shards + 3),
                // The task's header, what is left of an expired one, and an item of layout 1.
                ("dynamodb:GetItem", 3),
                ("s3:PutObject", 1),
            ],
        )?;
        exact(
            &worker,
            &[
                // The notice's results, and the look for tasks that nobody moves.
                ("dynamodb:BatchGetItem", 1),
                ("dynamodb:Query", shards + 1),
                ("s3:PutObject", cells + 1),
                ("sns:Publish", 1),
                // The settings of both queues.
                ("sqs:GetQueueAttributes", 2),
            ],
        )?;
        // A cell: begun, recorded, closed. The task: completed. The notice: claimed and marked. The
        // bucket: written to, at the worker's first object. Messages of shards that close at the same
        // time try to claim the notice too, and wait until it is sent.
        let beyond = |operation: &str, expected: u64| {
            let made = of(&worker, operation);
            made.checked_sub(expected)
                .with_context(|| format!("{operation}: fewer than {expected}; {story}"))
        };
        // The worker's own item: at the start, at the end, and once a minute.
        let reports = intervals(took, Duration::from_mins(1)) + 1;
        let writes = beyond("dynamodb:UpdateItem", 3 * cells + 4 + reports)?;
        ensure!(writes <= 2 * (shards - 1), "{writes} other writes; {story}");
        // Each shard is closed, and the group, by each that finds no open shard in it.
        let transactions = beyond("dynamodb:TransactWriteItems", shards + 1)?;
        ensure!(
            transactions < shards,
            "{transactions} other transactions; {story}"
        );
        let renewals = (intervals(took, RENEWAL) - 1) * (SLOTS + AHEAD);
        let hidden = of(&worker, "sqs:ChangeMessageVisibility");
        ensure!(
            hidden <= writes + renewals,
            "{hidden} messages hidden; {story}"
        );
        // A cell's shard. A shard's group, to see whether it was the last. The task's header at the
        // start, and for the notice before the count, after it and before the publication, and once for
        // each cell that finds the cached one too old at the same time.
        let reads = beyond("dynamodb:GetItem", cells + shards + 4)?;
        let rounds = intervals(took, FRESH);
        ensure!(
            (1..=rounds * (SLOTS + AHEAD)).contains(&reads),
            "{reads} reads of the task; {story}"
        );
        // Beside the full receives: empty ones of a second each, one that was not full, and one of
        // the dead-letter queue.
        let receives = beyond("sqs:ReceiveMessage", cells / BATCH)?;
        ensure!(
            receives <= intervals(took, Duration::from_secs(1)) + 2,
            "{receives} other receives; {story}"
        );
        let deletes = of(&worker, "sqs:DeleteMessageBatch") + of(&worker, "sqs:DeleteMessage");
        let partial = intervals(took, LINGER);
        ensure!(
            (cells / BATCH..=cells / BATCH + partial).contains(&deletes),
            "{deletes} deletes; {story}"
        );
    }

    let key = "400/20150101/probe_48RXT_20150101_7.json";
    let made: Value = serde_json::from_slice(
        &objects::read(&site.stack.s3, &site.stack.output_bucket, key).await?,
    )?;
    ensure!(made["cell"] == "48RXT/2015-01-01/7", "{made}");
    Ok(())
}
