//! Tasks of cells that cost only what the fleet itself costs, to show that this does not grow with
//! the task.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_tests::probe::{self, Calls};
use tilefleet_tests::process::Termination;
use tilefleet_tests::{Endpoint, Fleet, Process, Stack, layout};

use crate::figures::{Memory, processor_seconds};

/// Pause between two readings of a process.
const PAUSE: Duration = Duration::from_millis(100);
/// Pause between two readings of how much is left.
const NEWS: Duration = Duration::from_secs(30);
/// Time for an idle worker to end.
const FAREWELL: Duration = Duration::from_secs(30);

/// The workers of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workers {
    /// Number of workers.
    pub(crate) count: u32,
    /// Cells that each has in work.
    pub(crate) slots: u32,
    /// Cells that it holds beyond those.
    pub(crate) ahead: u32,
}

/// The cost of one program, or of several copies of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Processor seconds of all of them.
    pub(crate) cpu: f64,
    /// Largest resident set of one of them, in MB.
    pub(crate) peak: f64,
    /// Their calls.
    pub(crate) calls: Calls,
    /// Resident set of the largest of them, in MB, by the second.
    pub(crate) course: Vec<(f64, f64)>,
}

impl Spent {
    fn look(&mut self, begin: Instant, processes: &[u32]) -> Result<()> {
        let memory = processes
            .iter()
            .map(|&pid| Memory::of(pid))
            .collect::<Result<Vec<_>>>()?;
        let cpu = processes
            .iter()
            .map(|&pid| processor_seconds(pid))
            .sum::<Result<f64>>()?;
        let largest = |figure: fn(&Memory) -> f64| memory.iter().map(figure).fold(0.0, f64::max);
        self.wall = begin.elapsed().as_secs_f64();
        self.cpu = cpu;
        self.peak = self.peak.max(largest(|memory| memory.most));
        self.course.push((self.wall, largest(|memory| memory.now)));
        Ok(())
    }

    /// Resident set after this part of the time.
    pub(crate) fn resident_at(&self, part: f64) -> f64 {
        let until = self.wall * part;
        let after = self.course.iter().find(|(second, _)| *second >= until);
        after
            .or(self.course.last())
            .map_or(0.0, |&(_, resident)| resident)
    }
}

/// One task, from its submission to its notice.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) cells: u32,
    pub(crate) producer: Spent,
    pub(crate) workers: Spent,
    /// Processor seconds of the local endpoint's processes, by name.
    pub(crate) endpoint: Vec<(&'static str, f64)>,
}

/// Submits a task of `cells` cells, then lets the workers work on it.
pub(crate) async fn run(
    cells: u32,
    workers: Workers,
    home: &Path,
    say: &dyn Fn(&str),
) -> Result<Run> {
    let directory = home.join(format!("load-{cells}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    let queues = layout::workspace_root().join("tests/bench/deep_queue.py");
    let endpoint = Endpoint::start_apart(&directory, &queues)?;
    let stack = Stack::create(&endpoint, &layout::unique_name("load")).await?;
    let fleet = Fleet::with_logs(&stack, &directory)?;
    say(&format!("{cells} cells, logs in {}", directory.display()));

    let (task, producer) = submit(&fleet, cells, &stack.output_bucket).await?;
    say(&format!(
        "{cells} cells submitted in {:.1} s",
        producer.wall
    ));
    let spent = work(&fleet, &stack, workers, cells, say).await?;
    let status = fleet
        .producer(&["status", &task, "-o", "json"])
        .await?
        .expect_code(0)?
        .json()?;
    ensure!(
        status["ok"] == cells && status["state"] == "COMPLETE",
        "not all cells are ok: {status}"
    );
    let endpoint = endpoint.processes().into_iter();
    let endpoint = endpoint
        .map(|(name, pid)| Ok((name, processor_seconds(pid)?)))
        .collect::<Result<_>>()?;
    Ok(Run {
        cells,
        producer,
        workers: spent,
        endpoint,
    })
}

/// Submits the task, and measures what that costs.
async fn submit(fleet: &Fleet, cells: u32, bucket: &str) -> Result<(String, Spent)> {
    let document = fleet.logs().join("cells.ndjson");
    probe::write_cells(&document, cells, bucket)?;
    let document = document
        .to_str()
        .context("the path of the document is not UTF-8")?;
    let begin = Instant::now();
    let mut producer = fleet.start(
        "producer",
        &["submit", document, "--recipe", "probe", "-o", "json"],
    )?;
    let mut spent = Spent::default();
    while producer.exited()?.is_none() {
        // It may have ended since.
        let _ = spent.look(begin, &[producer.pid()]);
        tokio::time::sleep(PAUSE / 10).await;
    }
    spent.wall = begin.elapsed().as_secs_f64();
    let told: Value =
        serde_json::from_str(&producer.log()).with_context(|| producer.last_words())?;
    spent.calls = serde_json::from_value(told["calls"].clone())?;
    Ok((
        told["task"]
            .as_str()
            .with_context(|| producer.last_words())?
            .to_owned(),
        spent,
    ))
}

/// What the workers cost until the task's notice is published.
async fn work(
    fleet: &Fleet,
    stack: &Stack,
    workers: Workers,
    cells: u32,
    say: &dyn Fn(&str),
) -> Result<Spent> {
    let Workers {
        count,
        slots,
        ahead,
    } = workers;
    let (slots, ahead) = (slots.to_string(), ahead.to_string());
    let begin = Instant::now();
    let mut processes = Vec::new();
    for number in 0..count {
        let log = fleet.logs().join(format!("worker-{number}.log"));
        let arguments = ["run", "--slots", &slots, "--ahead", &ahead];
        processes.push(fleet.start_logging_to("worker", &arguments, &log, Termination::KILL)?);
    }
    let ids: Vec<u32> = processes.iter().map(Process::pid).collect();
    let mut spent = Spent::default();
    let (notices, mut told) = (stack.notices(), begin);
    loop {
        tokio::time::sleep(PAUSE).await;
        for process in &mut processes {
            process.still_runs()?;
        }
        spent.look(begin, &ids)?;
        if !notices.drain().await?.is_empty() {
            break;
        }
        if told.elapsed() >= NEWS {
            told = Instant::now();
            let left = waiting(stack).await?;
            say(&format!(
                "{:.0} s: {left} of {cells} cells wait",
                spent.wall
            ));
        }
    }
    for process in &mut processes {
        process.signal(Signal::SIGTERM)?;
    }
    for process in &mut processes {
        let status = process.wait(FAREWELL).await?;
        ensure!(status.success(), "{status}; {}", process.last_words());
        for (operation, calls) in probe::calls_of_worker(process.log_path().context("no log")?)? {
            *spent.calls.entry(operation).or_default() += calls;
        }
    }
    Ok(spent)
}

async fn waiting(stack: &Stack) -> Result<String> {
    let name = aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
    let get = stack
        .sqs
        .get_queue_attributes()
        .queue_url(&stack.queue_url)
        .attribute_names(name.clone());
    let attributes = get.send().await?.attributes.unwrap_or_default();
    Ok(attributes.get(&name).cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_at_a_moment_is_that_of_the_next_reading() {
        let course = vec![(1.0, 10.0), (5.0, 50.0), (9.0, 90.0), (10.0, 20.0)];
        let spent = Spent {
            wall: 10.0,
            course,
            ..Spent::default()
        };
        let told = [0.1, 0.5, 0.9, 1.0].map(|part| format!("{:.0}", spent.resident_at(part)));
        assert_eq!(told, ["10", "50", "90", "20"]);
    }
}
