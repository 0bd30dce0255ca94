//! A service is out for longer than every budget, in the middle of a task. Nothing of it is charged to
//! a cell.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tilefleet_common::ledger::TaskState;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Endpoint, Fleet, Plan, Process, Proxy, Trouble, eventually};

use crate::support::queues::left;
use crate::support::tiny::{Ending, Tiny};

const CELLS: u32 = 60;
const WORKERS: usize = 4;
const VISIBILITY_TIMEOUT_S: u32 = 8;
/// Calls into the outage after which it ends. A call of the SDK has four attempts.
const CALLS: usize = 60;

struct Outage {
    tiny: Tiny,
    proxy: Proxy,
    fleet: Fleet,
}

impl Outage {
    /// The fleet reaches `service` through a proxy; `variable` leads it there.
    async fn of(service: &str, variable: &str) -> Result<Self> {
        let tiny = Tiny::new(&format!("outage-{service}"), VISIBILITY_TIMEOUT_S).await?;
        let endpoint = Endpoint::shared()?.url();
        let proxy = Proxy::before(endpoint, 1, Plan::InOrder(vec![]))?;
        let mut fleet = tiny.with_short_waits(1)?.with(variable, proxy.url());
        // A queue is addressed by its URL, not by its service's.
        if service == "sqs" {
            let stack = &tiny.site.stack;
            fleet = fleet.with(
                "TILEFLEET_QUEUE_URL",
                stack.queue_url.replace(endpoint, proxy.url()),
            );
            fleet = fleet.with(
                "TILEFLEET_DEAD_LETTER_QUEUE_URL",
                stack.dead_letter_queue_url.replace(endpoint, proxy.url()),
            );
        }
        Ok(Self { tiny, proxy, fleet })
    }

    /// Runs the task over the outage, and returns the cells' items.
    async fn passes(self, plan: Plan) -> Result<Tiny> {
        let Self { tiny, proxy, fleet } = &self;
        let task = tiny.submit(CELLS).await?;
        let workers: Vec<Process> = (0..WORKERS)
            .map(|_| fleet.start("worker", &["run"]))
            .collect::<Result<_>>()?;
        // In the middle of the task the service is gone, and after many calls it is back.
        eventually("the middle of the task", BOUND, async || {
            let left = left(&tiny.site, &tiny.site.stack.queue_url).await?;
            Ok((left < CELLS * 3 / 4).then_some(()))
        })
        .await?;
        proxy.set(plan);
        eventually("many refused calls", BOUND, async || {
            Ok((refused(proxy) >= CALLS).then_some(()))
        })
        .await?;
        proxy.set(Plan::InOrder(vec![]));
        let ending = Ending {
            ok: CELLS,
            failed: 0,
            epoch: 1,
        };
        tiny.ends(&task, &ending, &workers).await?;
        let cells = tiny.site.ledger.cells(&task.parse()?, 0).await?;
        for (ordinal, cell) in cells {
            let story = &cell.history;
            ensure!(story.failures == 0, "cell {ordinal} was charged: {story:?}");
        }
        Ok(self.tiny)
    }
}

/// The calls that ran into the outage.
fn refused(proxy: &Proxy) -> usize {
    let troubles = proxy.troubles();
    troubles.values().map(|&count| count as usize).sum()
}

#[tokio::test]
async fn an_outage_of_s3_is_charged_to_no_cell() -> Result<()> {
    let outage = Outage::of("s3", "AWS_ENDPOINT_URL_S3").await?;
    outage.passes(Plan::Always(Trouble::Throttled, &[])).await?;
    Ok(())
}

#[tokio::test]
async fn an_outage_of_the_ledger_is_charged_to_no_cell() -> Result<()> {
    let outage = Outage::of("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB").await?;
    outage
        .passes(Plan::Always(Trouble::Unavailable, &[]))
        .await?;
    Ok(())
}

#[tokio::test]
async fn an_outage_of_the_queue_is_charged_to_no_cell() -> Result<()> {
    let outage = Outage::of("sqs", "AWS_ENDPOINT_URL_SQS").await?;
    outage
        .passes(Plan::Always(Trouble::Unavailable, &[]))
        .await?;
    Ok(())
}

/// While the ledger cannot be reached a worker receives nothing, lives, and says what it waits for.
#[tokio::test]
async fn a_worker_without_a_ledger_receives_nothing_and_its_health_says_why() -> Result<()> {
    let outage = Outage::of("ledger-health", "AWS_ENDPOINT_URL_DYNAMODB").await?;
    let Outage { tiny, proxy, fleet } = &outage;
    let health = tiny.site.path("health.json");
    let file = health.display().to_string();
    let mut worker = fleet.start("worker", &["run", "--health-file", &file])?;
    eventually("a living worker", BOUND, async || {
        Ok(health.exists().then_some(()))
    })
    .await?;
    proxy.set(Plan::Always(Trouble::Unavailable, &[]));
    tiny.submit(CELLS).await?;
    let open = eventually("an open breaker", BOUND, async || {
        worker.still_runs()?;
        let heartbeat: Value = serde_json::from_slice(&fs::read(&health)?)?;
        let open = heartbeat["breakers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok((!open.is_empty()).then_some(open))
    })
    .await?;
    assert_eq!(open, ["ledger"]);
    proxy.set(Plan::InOrder(vec![]));
    eventually("a closed breaker", BOUND, async || {
        let heartbeat: Value = serde_json::from_slice(&fs::read(&health)?)?;
        let open = heartbeat["breakers"].as_array().context("no breakers")?;
        Ok(open.is_empty().then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_cell_that_kills_workers_during_an_outage_still_ends_as_crashed() -> Result<()> {
    const DEADLY: u32 = 7;
    let fault = format!("fuse:1:48RXT/2020-08-01/{DEADLY}");
    let Outage { tiny, proxy, fleet } = Outage::of("s3-deadly", "AWS_ENDPOINT_URL_S3").await?;
    let fleet = fleet.with("TILEFLEET_FAULT", fault);
    let task = tiny.submit(CELLS).await?;
    proxy.set(Plan::Always(Trouble::Unavailable, &[]));
    let mut workers = vec![
        fleet.start("worker", &["run"])?,
        fleet.start("worker", &["run"])?,
    ];
    eventually("many refused calls", BOUND, async || {
        Ok((refused(&proxy) >= CALLS).then_some(()))
    })
    .await?;
    proxy.set(Plan::InOrder(vec![]));
    // Workers that die are started again, as on their machines.
    let id = task.parse()?;
    eventually("the end of the task", BOUND, async || {
        for worker in &mut workers {
            if worker.exited()?.is_some() {
                *worker = fleet.start("worker", &["run"])?;
            }
        }
        let record = tiny.site.ledger.task(&id).await?.context("no task")?;
        Ok((record.state == TaskState::Complete).then_some(()))
    })
    .await?;
    let ending = Ending {
        ok: CELLS - 1,
        failed: 1,
        epoch: 1,
    };
    tiny.ends(&task, &ending, &workers).await?;
    let story = tiny.site.story(&task, DEADLY).await?.history;
    assert_eq!(story.error_code.as_deref(), Some("crashed"), "{story:?}");
    Ok(())
}
