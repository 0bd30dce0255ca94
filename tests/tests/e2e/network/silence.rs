//! Services that accept requests and then are silent.

use anyhow::{Context as _, Result, ensure};
use tilefleet_tests::{Plan, Trouble, probe};

use super::behind::Behind;
use crate::support::cells::{lines, plain_scene_of};

/// Seconds that received messages are hidden, longer than all silences of a renewal together, and
/// the longest wait.
const TIMES_S: (u32, u32) = (20, 8);
/// Seconds that a service has for an answer.
const PATIENCE_S: &str = "2";
const CELLS: u32 = 2;
const PROBES: u32 = 100;
/// A raster that takes a multipart upload.
const PIXELS: u32 = 1400;
/// As many at a time as make batches of deletes.
const HELD: [&str; 4] = ["--slots", "16", "--ahead", "20"];

#[tokio::test]
async fn a_worker_finishes_its_cells_though_the_first_calls_are_never_answered() -> Result<()> {
    finishes_despite(Trouble::Unanswered).await
}

#[tokio::test]
async fn a_worker_finishes_its_cells_though_the_first_answers_stop_in_the_middle() -> Result<()> {
    finishes_despite(Trouble::Stalled).await
}

/// Works off large cells and probes. The first call of each operation runs into `trouble`, and so
/// does the third, which may be that of another cell.
async fn finishes_despite(trouble: Trouble) -> Result<()> {
    let plan = Plan::InOrder(vec![Some(trouble), None, Some(trouble)]);
    let behind = Behind::with_times("silent", 0, plan, TIMES_S).await?;
    let fleet = behind.fleet.with("TILEFLEET_FAULT_LIMIT", PATIENCE_S);
    let behind = Behind { fleet, ..behind };
    let site = &behind.tiny.site;
    let scene = plain_scene_of(site, PIXELS).await?;
    let cells = site.write("large.ndjson", lines(site, &scene, CELLS))?;
    let probes = site.path("probe.ndjson");
    probe::write_cells(&probes, PROBES, &site.stack.output_bucket)?;
    let probes = probes.to_str().context("not UTF-8")?;
    let submits = [
        vec!["submit", &cells, "-o", "json"],
        vec!["submit", probes, "--recipe", "probe", "-o", "json"],
    ];
    let mut tasks = vec![];
    for submit in &submits {
        let submitted = behind.fleet.producer(submit).await?;
        let submitted = submitted.expect_code(0)?.json()?;
        tasks.push(submitted["task"].as_str().context("no task")?.to_owned());
    }
    behind.tiny.work_off(&behind.fleet, &HELD).await?;
    for (task, count) in tasks.iter().zip([CELLS, PROBES]) {
        site.producer(&["verify", task]).await?.expect_code(0)?;
        let status = site.status(task).await?;
        ensure!(status["ok"] == count, "{status}");
    }
    let troubles = behind.proxy.troubles();
    for operation in [
        "UpdateItem",
        "TransactWriteItems",
        "SendMessageBatch",
        "ReceiveMessage",
        "DeleteMessageBatch",
        "Publish",
        "GetObject",
        "PutObject",
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    ] {
        ensure!(
            troubles.contains_key(&(operation.to_owned(), trouble)),
            "{operation} was never {trouble:?}: {troubles:?}"
        );
    }
    Ok(())
}
