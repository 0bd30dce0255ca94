//! Fleets behind a network that loses, repeats, cuts and refuses.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Plan, Trouble, eventually, probe};

use super::behind::Behind;
use crate::support::cells::{THREE_SHARDS, empty_lines, lines, plain_scene_of};
use crate::support::killed::{fail_all, waits_for_all};
use crate::support::queues::{purge, queued};
use crate::support::tiny::events;

const CELLS: u32 = 16;

/// Runs a task to its end. Returns the seed, the number of calls, and how many of them ran into
/// which trouble.
async fn at_random(seed: u64) -> Result<(u64, usize, BTreeMap<(String, Trouble), u32>)> {
    let behind = Behind::new("random", seed, Plan::AtRandom(0.1)).await?;
    let task = behind.submit(&behind.tiny.file(CELLS)?).await?;
    let workers = behind.workers(3)?;
    behind.ends(&task, CELLS, 1, &workers).await?;
    Ok((
        seed,
        behind.proxy.calls().values().sum(),
        behind.proxy.troubles(),
    ))
}

#[tokio::test]
async fn a_task_completes_though_every_tenth_call_runs_into_trouble() -> Result<()> {
    let first = rand::random::<u64>() / 2;
    let ended: Vec<_> = stream::iter(first..first + 3)
        .map(|seed| async move {
            at_random(seed)
                .await
                .with_context(|| format!("seed {seed}"))
        })
        .buffer_unordered(3)
        .try_collect()
        .await?;
    let mut all = 0;
    for (seed, calls, troubles) in &ended {
        let troubles: u32 = troubles.values().sum();
        eprintln!("seed {seed}: {troubles} of {calls} calls in trouble");
        all += troubles;
    }
    ensure!(
        all > 10,
        "seeds from {first}: only {all} calls came into trouble"
    );
    Ok(())
}

async fn commands(seed: u64) -> Result<()> {
    let behind = Behind::new("commands", seed, Plan::AtRandom(0.1)).await?;
    let site = &behind.tiny.site;
    let file = site.write("cells.ndjson", empty_lines(site, 0))?;
    let task = behind.submit(&file).await?;
    let id = task.parse()?;
    waits_for_all(site, &id, THREE_SHARDS)
        .await
        .context("submit")?;
    fail_all(site, &id, THREE_SHARDS).await?;
    behind.producer(&["retry", &task]).await?;
    waits_for_all(site, &id, THREE_SHARDS)
        .await
        .context("retry")?;
    behind
        .producer(&["cancel", &task, "--reason", "to see"])
        .await?;
    let notice = format!("{task}/2/cancelled/1");
    let events = events(site).await?;
    ensure!(events.keys().collect::<Vec<_>>() == [&notice], "{events:?}");
    behind.producer(&["resume", &task]).await?;
    waits_for_all(site, &id, THREE_SHARDS)
        .await
        .context("resume")?;
    // The first epoch has never had results, and no repair can change that.
    eventually("nothing left to repair", BOUND, async || {
        let report = behind
            .fleet
            .producer(&["verify", &task, "--repair", "-o", "json"])
            .await?;
        Ok(report
            .json()
            .is_ok_and(|report| report["found"] == json!({"results_missing": 1}))
            .then_some(()))
    })
    .await?;
    waits_for_all(site, &id, THREE_SHARDS)
        .await
        .context("repair")?;
    ensure!(
        site.ledger
            .task(&id)
            .await?
            .is_some_and(|record| record.epoch == 2),
        "one retry is one epoch"
    );
    Ok(())
}

#[tokio::test]
async fn commands_succeed_though_every_tenth_call_runs_into_trouble() -> Result<()> {
    let seed = rand::random::<u64>();
    commands(seed).await.with_context(|| format!("seed {seed}"))
}

/// A raster that takes a multipart upload.
const PIXELS: u32 = 1400;

#[tokio::test]
async fn each_call_of_a_large_cell_may_be_carried_out_twice_or_break_off_in_its_answer()
-> Result<()> {
    // Fewer in a row than the attempts of a call.
    let plan = [
        Some(Trouble::AnswerLost),
        None,
        Some(Trouble::Repeated),
        Some(Trouble::CutShort),
        None,
        Some(Trouble::CutShort),
        Some(Trouble::AnswerLost),
        None,
    ];
    let behind = Behind::new("large", 0, Plan::InOrder(plan.into())).await?;
    let site = &behind.tiny.site;
    let scene = plain_scene_of(site, PIXELS).await?;
    let task = behind
        .submit(&site.write("large.ndjson", lines(site, &scene, 2))?)
        .await?;
    let workers = behind.workers(1)?;
    behind.ends(&task, 2, 1, &workers).await?;
    let troubles = behind.proxy.troubles();
    for operation in [
        "SendMessageBatch",
        "CreateMultipartUpload",
        "CompleteMultipartUpload",
        "Publish",
        "TransactWriteItems",
    ] {
        let lost = troubles.get(&(operation.to_owned(), Trouble::AnswerLost));
        ensure!(lost.is_some(), "{operation}: {troubles:?}");
    }
    for operation in [
        "GetObject",
        "UploadPart",
        "CompleteMultipartUpload",
        "UpdateItem",
    ] {
        let repeated = troubles.get(&(operation.to_owned(), Trouble::Repeated));
        ensure!(repeated.is_some(), "{operation}: {troubles:?}");
    }
    // Cells that end within the same moment are deleted together.
    let deleted = ["DeleteMessage", "DeleteMessageBatch"]
        .iter()
        .any(|operation| troubles.contains_key(&((*operation).to_owned(), Trouble::AnswerLost)));
    ensure!(deleted, "no delete in trouble: {troubles:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_service_leaves_undone_of_a_batch_is_not_lost() -> Result<()> {
    let seed = rand::random();
    in_part(seed).await.with_context(|| format!("seed {seed}"))
}

async fn in_part(seed: u64) -> Result<()> {
    // Several batches of messages.
    const SOME: u32 = 50;
    let behind = Behind::new("in-part", seed, Plan::InPart(0.5)).await?;
    let site = &behind.tiny.site;
    let file = behind.tiny.file(SOME)?;
    let task = behind.submit(&file).await?;
    let id = task.parse()?;
    let all: Vec<u64> = (0..u64::from(SOME)).collect();
    let queued =
        async || -> Result<Vec<u64>> { Ok(queued(site, &id).await?.into_keys().collect()) };
    ensure!(queued().await? == all, "submit");
    fail_all(site, &id, SOME).await?;
    behind.producer(&["retry", &task]).await?;
    ensure!(queued().await? == all, "retry");
    behind.producer(&["resume", &task]).await?;
    ensure!(queued().await? == all, "resume");
    purge(site).await?;
    let repaired = behind
        .fleet
        .producer(&["verify", &task, "--repair", "-o", "json"])
        .await?;
    let repaired = repaired.expect_code(1)?.json()?;
    ensure!(
        repaired["found"]["pending_without_message"] == SOME && repaired["sent"] == SOME,
        "{repaired}"
    );
    ensure!(queued().await? == all, "repair");
    let left_undone = behind.proxy.left_undone();
    for (operation, fewest) in [("SendMessageBatch", 6), ("BatchGetItem", 1)] {
        ensure!(
            left_undone
                .get(operation)
                .is_some_and(|count| *count >= fewest),
            "{left_undone:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn messages_that_are_left_of_a_batch_of_deletes_are_deleted_again() -> Result<()> {
    let seed = rand::random();
    deletes_in_part(seed)
        .await
        .with_context(|| format!("seed {seed}"))
}

async fn deletes_in_part(seed: u64) -> Result<()> {
    // As many at a time as make batches of deletes.
    const SOME: u32 = 100;
    const HELD: [&str; 4] = ["--slots", "16", "--ahead", "20"];
    let behind = Behind::new("deletes", seed, Plan::InPart(0.5)).await?;
    let site = &behind.tiny.site;
    let document = site.path("probe.ndjson");
    probe::write_cells(&document, SOME, &site.stack.output_bucket)?;
    let submit = [
        "submit",
        document.to_str().context("not UTF-8")?,
        "--recipe",
        "probe",
        "-o",
        "json",
    ];
    behind.producer(&submit).await?;
    let task = site.json(&submit).await?;
    let task = task["task"].as_str().context("no task")?;
    behind.tiny.work_off(&behind.fleet, &HELD).await?;
    site.producer(&["verify", task]).await?.expect_code(0)?;
    ensure!(
        site.status(task).await?["ok"] == SOME,
        "{}",
        site.status(task).await?
    );
    let left_undone = behind.proxy.left_undone();
    ensure!(
        left_undone
            .get("DeleteMessageBatch")
            .is_some_and(|count| *count > 0),
        "{left_undone:?}"
    );
    Ok(())
}
