//! Tasks of many tiny cells, and what must hold when such a task has ended.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tilefleet_common::ledger::TaskState;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::process::Process;
use tilefleet_tests::{Fleet, Notice, StackOptions, eventually};

use crate::support::cells::{lines, plain_scene_of};
use crate::support::queues::left;
use crate::support::site::Site;

/// Pixels a side.
const SIZE: u32 = 64;

/// A fleet with a scene that all cells read.
pub(crate) struct Tiny {
    pub(crate) site: Site,
    pub(crate) scene: Value,
}

/// How often each event was published, by what [`told`] says.
pub(crate) type Events = BTreeMap<String, u32>;

/// The end that a task must reach.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) ok: u32,
    pub(crate) failed: u32,
    pub(crate) epoch: u32,
}

impl Tiny {
    /// A fleet whose received messages are hidden for `visibility_timeout_s`.
    pub(crate) async fn new(word: &str, visibility_timeout_s: u32) -> Result<Self> {
        let options = StackOptions {
            visibility_timeout_s,
            ..StackOptions::default()
        };
        let site = Site::with(word, options).await?;
        let scene = plain_scene_of(&site, SIZE).await?;
        Ok(Self { site, scene })
    }

    /// A fleet in which no wait is longer than `seconds`.
    pub(crate) fn with_short_waits(&self, seconds: u32) -> Result<Fleet> {
        Ok(Fleet::new(&self.site.stack)?.with("TILEFLEET_FAULT_WAITS", seconds.to_string()))
    }

    /// A file of `cells` cells.
    pub(crate) fn file(&self, cells: u32) -> Result<String> {
        self.site
            .write("cells.ndjson", lines(&self.site, &self.scene, cells))
    }

    pub(crate) async fn submit(&self, cells: u32) -> Result<String> {
        self.site.submit(&self.file(cells)?).await
    }

    /// Runs a worker of `fleet` until the queue is empty. It runs again while messages come back:
    /// they are hidden for a second or two only, so a slow machine may lose their leases.
    pub(crate) async fn work_off(&self, fleet: &Fleet, arguments: &[&str]) -> Result<()> {
        let run = [&["run", "--until-empty"], arguments].concat();
        eventually("an empty queue", BOUND, async || {
            fleet.worker(&run).await?.expect_code(0)?;
            Ok((left(&self.site, &self.site.stack.queue_url).await? == 0).then_some(()))
        })
        .await
    }

    /// Waits until the task is complete, its notice is sent and the queues are empty. Then compares
    /// the task with `ending`. Returns the events that were published and not yet read.
    pub(crate) async fn ends(
        &self,
        task: &str,
        ending: &Ending,
        workers: &[Process],
    ) -> Result<Events> {
        let site = &self.site;
        let id = task.parse()?;
        let mut seen = None;
        let done = eventually("the end of the task", BOUND, async || {
            let record = site.ledger.task(&id).await?.context("no task")?;
            let is_over =
                record.state == TaskState::Complete && record.notified_epoch == record.epoch;
            let left = left(site, &site.stack.queue_url).await?
                + left(site, &site.stack.dead_letter_queue_url).await?;
            seen = Some((record, left));
            Ok((is_over && left == 0).then_some(()))
        });
        done.await.with_context(|| {
            let words: Vec<String> = workers.iter().map(Process::last_words).collect();
            format!("{seen:?}\n{}", words.join("\n"))
        })?;
        let verified = site.producer(&["verify", task, "-o", "json"]).await?;
        let report = verified.expect_code(0)?.json()?;
        let Ending { ok, failed, epoch } = ending;
        let tally = json!({"ok": ok, "failed": failed, "pending": 0});
        ensure!(
            report["sound"] == true
                && report["sets"] == tally
                && report["items"] == tally
                && report["artefacts"] == *ok
                && report["epoch"] == *epoch,
            "{ending:?} is not what {report:#} says"
        );
        events(site).await
    }
}

/// The events that were published and not yet read.
pub(crate) async fn events(site: &Site) -> Result<Events> {
    let mut events = Events::new();
    for notice in site.stack.notices().drain().await? {
        *events.entry(told(site, &notice).await?).or_default() += 1;
    }
    Ok(events)
}

/// The id of an event as `<task>/<what>`: without the moment when its task was submitted, which must
/// be that of the ledger.
pub(crate) async fn told(site: &Site, notice: &Notice) -> Result<String> {
    let id = notice.body["event_id"].as_str().context("no event_id")?;
    let task = notice.task();
    let record = site.ledger.task(&task.parse()?).await?.context("no task")?;
    let what = id.strip_prefix(&format!("{task}/{}/", record.created_at));
    Ok(format!("{task}/{}", what.with_context(|| id.to_owned())?))
}
