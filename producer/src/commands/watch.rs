//! `watch`: a task's progress until it ends.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tilefleet_common::ledger::{Progress, TaskState};

use super::status::{TaskStatus, exit_of_ended, percent};
use crate::cli::{Exit, Format, GlobalArgs, Output, WatchArgs, note, progress_bar};
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, TaskProgress, WatchedProgress, WorkerTrouble};

const TEMPLATE: &str = "{prefix}  {bar:30} {percent:>3} %  {msg}";

/// Follows the task until it ends. The counts of a large task are approximate on the way and exact
/// at the end. Changes go to stderr: as a bar on a terminal, else one line
/// each. With `-o ndjson` they go to stdout as JSON. The final state goes to stdout.
pub(crate) async fn run(
    args: &WatchArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let WatchArgs { task, interval } = args;
    let connection = LedgerConnection::open(global).await?;
    let mut record = connection.task(task).await?;
    let bar = progress_bar(record.cells.into(), TEMPLATE).with_prefix(task.to_string());
    let mut watched = WatchedProgress::default();
    let mut shown = None;
    let mut pace = Pace::default();
    let mut trouble = TroubleWatch::default();
    loop {
        // Count: exactly at the end, at a bounded price on the way.
        let ended = record.state != TaskState::Running;
        let (progress, approximate) = if ended {
            let mut all = TaskProgress::default();
            (all.count(&connection.ledger, task, &record).await?, false)
        } else {
            watched.look(&connection.ledger, task, &record).await?
        };
        if watched.has_read_all(&record) {
            pace.record(progress);
        }
        draw(&bar, progress, approximate, &pace);
        // A change is printed where no bar shows it.
        if shown != Some((progress, approximate, record.state)) {
            shown = Some((progress, approximate, record.state));
            if output.format == Format::Ndjson && !ended {
                TaskStatus::new(task, &record, progress)
                    .approximate(approximate)
                    .write(output)?;
                output.flush()?;
            } else if bar.is_hidden() {
                note(&format!(
                    "{task}  {}  {}{}  {}",
                    record.state.name(),
                    mark(approximate),
                    percent(progress),
                    counts(progress, approximate)
                ));
            }
        }
        if ended {
            bar.finish();
            TaskStatus::new(task, &record, progress).write(output)?;
            output.flush()?;
            return Ok(exit_of_ended(progress));
        }
        trouble.tell(&connection, &bar).await;
        tokio::time::sleep(*interval).await;
        record = connection.task(task).await?;
    }
}

/// What the workers cannot use, as read last.
#[derive(Default)]
struct TroubleWatch {
    read_at: Option<Instant>,
    known: Vec<WorkerTrouble>,
}

impl TroubleWatch {
    /// Prints what was not known before. Workers write their items once a minute, and so often are
    /// they read.
    async fn tell(&mut self, connection: &LedgerConnection, bar: &ProgressBar) {
        if self
            .read_at
            .is_some_and(|at| at.elapsed() < Duration::from_mins(1))
        {
            return;
        }
        self.read_at = Some(Instant::now());
        let now = connection.worker_trouble().await;
        for trouble in now.iter().filter(|trouble| !self.known.contains(trouble)) {
            bar.suspend(|| note(&format!("warning: {trouble}")));
        }
        self.known = now;
    }
}

fn draw(bar: &ProgressBar, progress: Progress, approximate: bool, pace: &Pace) {
    bar.set_position(progress.ended().into());
    let pace = pace.per_second().map(|pace| {
        let left = Duration::from_secs_f64(f64::from(progress.remaining) / pace);
        format!(
            ", {pace:.1} cells/s, {} left",
            indicatif::HumanDuration(left)
        )
    });
    bar.set_message(format!(
        "{}{}",
        counts(progress, approximate),
        pace.unwrap_or_default()
    ));
}

/// What stands before a number that is not exact.
fn mark(approximate: bool) -> &'static str {
    if approximate { "~" } else { "" }
}

fn counts(progress: Progress, approximate: bool) -> String {
    let Progress {
        ok,
        failed,
        remaining,
        ..
    } = progress;
    let mark = mark(approximate);
    let reasons = progress.reasons();
    let reasons: Vec<String> = reasons
        .map(|(reason, count)| format!("{mark}{count} {reason}, "))
        .collect();
    let reasons = reasons.concat();
    format!("{mark}{ok} ok, {mark}{failed} failed, {reasons}{mark}{remaining} remaining")
}

/// How fast cells are done since the first read. The task may have run for hours before, at another
/// pace.
#[derive(Debug, Default)]
struct Pace {
    first: Option<(Instant, u32)>,
    last: Option<(Instant, u32)>,
}

impl Pace {
    fn record(&mut self, progress: Progress) {
        let now = (Instant::now(), progress.ended());
        // A retry takes cells back.
        if self.first.is_none_or(|(_, done)| done > now.1) {
            self.first = Some(now);
        }
        self.last = Some(now);
    }

    fn per_second(&self) -> Option<f64> {
        let ((begin, before), (end, after)) = (self.first?, self.last?);
        let seconds = end.duration_since(begin).as_secs_f64();
        (after > before && seconds > 0.0).then(|| f64::from(after - before) / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_are_not_exact_are_marked() {
        let progress = Progress {
            cells: 1_000_000,
            ok: 600_000,
            failed: 1,
            remaining: 399_999,
            ..Progress::default()
        };
        assert_eq!(
            [true, false].map(|approximate| counts(progress, approximate)),
            [
                "~600000 ok, ~1 failed, ~399999 remaining",
                "600000 ok, 1 failed, 399999 remaining"
            ]
        );
    }
}
