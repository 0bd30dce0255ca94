//! Submits the task and runs workers until it has ended.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::console;
use super::settings::Settings;
use crate::fleet::binaries::{Fleet, typed};
use crate::fleet::process::{Process, Termination};
use crate::poll::eventually;

/// Exit code of `producer watch` when the task has ended with failed cells.
const ENDED_WITH_FAILED_CELLS: i32 = 10;

/// Time for a worker to hand back its messages, so that the next run need not wait for them.
const HAND_BACK: Duration = Duration::from_secs(10);

/// A child whose output goes to the terminal.
pub(crate) struct Foreground(Process);

/// Starts a command whose output goes to the terminal.
pub(crate) fn in_foreground(
    name: &str,
    command: Command,
    termination: Termination,
) -> Result<Foreground> {
    Ok(Foreground(Process::start(
        name,
        command,
        None,
        termination,
    )?))
}

impl Foreground {
    /// Waits until it ends with success.
    pub(crate) async fn expect_success(mut self, bound: Duration) -> Result<()> {
        let status = self.0.wait(bound).await?;
        if !status.success() {
            bail!("{} ended with {status}", self.0.last_words());
        }
        Ok(())
    }
}

/// Submits the document and returns the task's id.
pub(crate) async fn submit(settings: &Settings, fleet: &Fleet, document: &Path) -> Result<String> {
    console::step("the cells as a task");
    let document = document
        .to_str()
        .context("the path of the document is not UTF-8")?;
    let mut arguments = vec!["submit", document, "-o", "json"];
    if settings.again {
        arguments.push("--again");
    }
    console::command(&typed("producer", &arguments));
    let finished = fleet.producer(&arguments).await?;
    finished.expect_code(0)?;
    console::block(&finished.stdout);
    let answer = finished.json()?;
    let task = answer.get("task").and_then(Value::as_str);
    Ok(task
        .with_context(|| format!("no task in what submit says: {answer}"))?
        .to_owned())
}

/// Whether the ledger has the task as complete.
pub(crate) async fn is_complete(fleet: &Fleet, task: &str) -> Result<bool> {
    let finished = fleet.producer(&["status", task, "-o", "json"]).await?;
    Ok(finished.json()?.get("state").and_then(Value::as_str) == Some("COMPLETE"))
}

/// Several workers. All get SIGTERM before the first is waited for.
struct Workers(Vec<Process>);

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            // Each is waited for next, which also ends a worker that got no signal.
            let _ = worker.signal(Signal::SIGTERM);
        }
    }
}

/// Starts workers and watches them until the task has ended.
pub(crate) async fn work(settings: &Settings, fleet: &Fleet, task: &str) -> Result<()> {
    console::step(&format!("{} workers", settings.workers));
    let begin = Instant::now();
    let mut workers = Workers(Vec::new());
    for number in 1..=settings.workers {
        let log = settings.output.join(format!("worker-{number}.log"));
        console::command(&format!("worker run 2> {} &", log.display()));
        workers.0.push(fleet.start_logging_to(
            "worker",
            &["run"],
            &log,
            Termination::orderly(HAND_BACK),
        )?);
    }

    console::command(&format!("producer watch {task}"));
    let termination = Termination::orderly(Duration::from_secs(2));
    let command = fleet.command("producer", &["watch", task], termination)?;
    let mut watch = in_foreground("producer watch", command, termination)?;
    let status = eventually("the end of the task", Duration::MAX, async || {
        for worker in &mut workers.0 {
            worker.still_runs()?;
        }
        watch.0.exited()
    })
    .await?;
    judge(status)?;
    let seconds = begin.elapsed().as_secs_f64();
    let finished = fleet.producer(&["status", task, "-o", "json"]).await?;
    let cells = finished
        .json()?
        .get("cells")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    console::line(&format!(
        "{cells} cells in {seconds:.1} s: {:.0} cells/min",
        cells * 60.0 / seconds
    ));
    Ok(())
}

fn judge(watch: ExitStatus) -> Result<()> {
    match watch.code() {
        Some(0 | ENDED_WITH_FAILED_CELLS) => Ok(()),
        _ => bail!("producer watch ended with {watch}"),
    }
}
