//! Workers without rights or with a wrong clock, and tasks whose buckets no worker may use.

use anyhow::{Context as _, Result};
use tilefleet_common::ledger::TaskState;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Endpoint, Fleet, Instance, Plan, Proxy, Trouble, eventually};

use crate::support::tiny::{Ending, Tiny};

const CELLS: u32 = 30;
const VISIBILITY_TIMEOUT_S: u32 = 8;

/// A fleet whose calls of these operations of the service at `variable` run into `trouble`.
fn behind(
    tiny: &Tiny,
    variable: &str,
    trouble: Trouble,
    operations: &'static [&'static str],
) -> Result<(Fleet, Proxy)> {
    let endpoint = Endpoint::shared()?.url();
    let proxy = Proxy::before(endpoint, 1, Plan::Always(trouble, operations))?;
    let queue = &tiny.site.stack.queue_url;
    let mut fleet = tiny.with_short_waits(1)?.with(variable, proxy.url());
    if variable.ends_with("SQS") {
        fleet = fleet.with("TILEFLEET_QUEUE_URL", queue.replace(endpoint, proxy.url()));
    }
    Ok((fleet, proxy))
}

#[tokio::test]
async fn a_worker_that_may_not_read_the_scenes_fails_no_cell_beside_others_that_may() -> Result<()>
{
    let tiny = Tiny::new("no-scenes", VISIBILITY_TIMEOUT_S).await?;
    let task = tiny.submit(CELLS).await?;
    let (without, _) = behind(
        &tiny,
        "AWS_ENDPOINT_URL_S3",
        Trouble::Denied,
        &["GetObject"],
    )?;
    let good = tiny.with_short_waits(1)?;
    let workers = vec![
        good.start("worker", &["run"])?,
        without.start("worker", &["run"])?,
    ];
    let ending = Ending {
        ok: CELLS,
        failed: 0,
        epoch: 1,
    };
    tiny.ends(&task, &ending, &workers).await?;
    Ok(())
}

#[tokio::test]
async fn a_task_whose_scenes_no_worker_may_read_is_stopped_and_says_so() -> Result<()> {
    let tiny = Tiny::new("nobody", VISIBILITY_TIMEOUT_S).await?;
    let task = tiny.submit(CELLS).await?;
    let (without, _) = behind(
        &tiny,
        "AWS_ENDPOINT_URL_S3",
        Trouble::Denied,
        &["GetObject"],
    )?;
    let worker = without.start("worker", &["run"])?;
    let id = task.parse()?;
    let stopped = eventually("the task to be stopped", BOUND, async || {
        let record = tiny.site.ledger.task(&id).await?.context("no task")?;
        Ok((record.state == TaskState::Cancelled).then_some(record))
    })
    .await?;
    let reason = stopped.reason.unwrap_or_default();
    assert!(reason.starts_with("no worker can read bucket "), "{reason}");
    let cells = tiny.site.ledger.cells(&id, 0).await?;
    assert!(
        cells
            .values()
            .all(|cell| cell.history.failures == 0 && cell.history.error_code.is_none()),
        "{}",
        worker.log()
    );
    Ok(())
}

/// Its credentials are wrong on every machine: it receives nothing, and fails nothing.
#[tokio::test]
async fn a_worker_whose_credentials_are_rejected_fails_no_cell() -> Result<()> {
    let tiny = Tiny::new("unknown", VISIBILITY_TIMEOUT_S).await?;
    let (unknown, proxy) = behind(
        &tiny,
        "AWS_ENDPOINT_URL_S3",
        Trouble::Unknown,
        &["GetObject"],
    )?;
    let task = tiny.submit(CELLS).await?;
    let mut worker = unknown.start("worker", &["run"])?;
    eventually("a rejected call", BOUND, async || {
        worker.still_runs()?;
        Ok((!proxy.troubles().is_empty()).then_some(()))
    })
    .await?;
    let good = tiny.with_short_waits(1)?;
    let workers = vec![worker, good.start("worker", &["run"])?];
    let ending = Ending {
        ok: CELLS,
        failed: 0,
        epoch: 1,
    };
    tiny.ends(&task, &ending, &workers).await?;
    Ok(())
}

/// Whether the machine has asked the group to replace it.
fn asked_for_replacement(instance: &Instance) -> bool {
    let calls = instance.calls();
    let actions = calls.iter().filter_map(|call| call.get("Action"));
    actions
        .into_iter()
        .any(|action| action == "SetInstanceHealth")
}

/// What is wrong on every machine must not make a fleet replace itself for ever.
#[tokio::test]
async fn of_two_machines_with_a_wrong_clock_one_is_replaced_within_an_hour() -> Result<()> {
    let tiny = Tiny::new("clock", VISIBILITY_TIMEOUT_S).await?;
    let proxy = Proxy::before(Endpoint::shared()?.url(), 1, Plan::InOrder(vec![]))?;
    let machines = [Instance::start()?, Instance::start()?];
    let health = [tiny.site.path("a.json"), tiny.site.path("b.json")];
    let mut workers = vec![];
    for (instance, health) in machines.iter().zip(&health) {
        let queue = &tiny.site.stack.queue_url;
        let queue = queue.replace(Endpoint::shared()?.url(), proxy.url());
        let fleet = tiny.with_short_waits(1)?.with_all(instance.environment());
        let fleet = fleet
            .with("AWS_ENDPOINT_URL_SQS", proxy.url())
            .with("TILEFLEET_QUEUE_URL", queue);
        let file = health.display().to_string();
        workers.push(fleet.start("worker", &["run", "--health-file", &file])?);
    }
    eventually("two living workers", BOUND, async || {
        Ok(health.iter().all(|file| file.exists()).then_some(()))
    })
    .await?;
    proxy.set(Plan::Always(Trouble::Skewed, &[]));
    eventually("a replacement", BOUND, async || {
        let asked = machines
            .iter()
            .filter(|machine| asked_for_replacement(machine));
        Ok((asked.count() > 0).then_some(()))
    })
    .await?;
    eventually("a machine that stays", BOUND, async || {
        let stays = workers
            .iter()
            .filter(|worker| worker.log().contains("this one stays"));
        Ok((stays.count() > 0).then_some(()))
    })
    .await?;
    let asked = machines
        .iter()
        .filter(|machine| asked_for_replacement(machine));
    assert_eq!(asked.count(), 1);
    Ok(())
}

/// Nobody else could write there: the worker receives nothing until a person has given it the right.
#[tokio::test]
async fn a_worker_that_may_not_write_to_the_fleets_bucket_waits_and_goes_on_when_it_may()
-> Result<()> {
    let tiny = Tiny::new("no-output", VISIBILITY_TIMEOUT_S).await?;
    let task = tiny.submit(CELLS).await?;
    let writes = &["PutObject", "CreateMultipartUpload"];
    let (without, proxy) = behind(&tiny, "AWS_ENDPOINT_URL_S3", Trouble::Denied, writes)?;
    let health = tiny.site.path("health.json");
    let file = health.display().to_string();
    let place = format!("s3://{}/poison", tiny.site.stack.output_bucket);
    let arguments = ["run", "--poison", &place, "--health-file", &file];
    let worker = without.start("worker", &arguments)?;
    eventually("an open breaker", BOUND, async || {
        let Ok(text) = std::fs::read(&health) else {
            return Ok(None);
        };
        let heartbeat: serde_json::Value = serde_json::from_slice(&text)?;
        Ok((heartbeat["breakers"] == serde_json::json!(["output bucket"])).then_some(()))
    })
    .await?;
    let doctor = tiny.site.producer(&["doctor", "-o", "json"]).await?;
    assert!(
        doctor.stdout.contains("output bucket"),
        "{}",
        doctor.story()
    );

    proxy.set(Plan::InOrder(vec![]));
    let ending = Ending {
        ok: CELLS,
        failed: 0,
        epoch: 1,
    };
    tiny.ends(&task, &ending, &[worker]).await?;
    Ok(())
}
