//! `watch`: a task's progress until it ends.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tilefleet_common::ledger::{Progress, TaskState};

use crate::cli::{Exit, Format, Global, Output, Watch, output};
use crate::commands::status::{Report, exit_of_ended, percent};
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, Shards};

const TEMPLATE: &str = "{prefix}  {bar:30} {percent:>3} %  {msg}";

/// Follows the task: a bar on stderr where that is a terminal, else a line on stderr for each
/// change. With `-o ndjson` each change is a report on stdout. At the end the report goes to
/// stdout.
pub(crate) async fn run(
    arguments: &Watch,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let Watch { task, interval } = arguments;
    let connection = LedgerConnection::open(global).await?;
    let mut record = connection.task(task).await?;
    let bar = output::bar(record.cells.into(), TEMPLATE).with_prefix(task.to_string());
    let mut shards = Shards::default();
    let mut told = None;
    let mut pace = Pace::default();
    loop {
        let progress = shards.count(&connection.ledger, task, &record).await?;
        pace.note(progress);
        show(&bar, progress, &pace);
        let ended = record.state != TaskState::Running;
        if told != Some((progress, record.state)) {
            told = Some((progress, record.state));
            if output.format == Format::Ndjson && !ended {
                Report::new(task, &record, progress).write(output)?;
                output.flush()?;
            } else if bar.is_hidden() {
                output::note(&format!(
                    "{task}  {}  {}  {}",
                    record.state.name(),
                    percent(progress),
                    counts(progress)
                ));
            }
        }
        if ended {
            bar.finish();
            Report::new(task, &record, progress).write(output)?;
            output.flush()?;
            return Ok(exit_of_ended(progress));
        }
        tokio::time::sleep(*interval).await;
        record = connection.task(task).await?;
    }
}

fn show(bar: &ProgressBar, progress: Progress, pace: &Pace) {
    bar.set_position(u64::from(progress.ok) + u64::from(progress.failed));
    let pace = pace.per_second().map(|pace| {
        let left = Duration::from_secs_f64(f64::from(progress.remaining) / pace);
        format!(
            ", {pace:.1} cells/s, {} left",
            indicatif::HumanDuration(left)
        )
    });
    bar.set_message(format!("{}{}", counts(progress), pace.unwrap_or_default()));
}

fn counts(progress: Progress) -> String {
    let Progress {
        ok,
        failed,
        remaining,
        ..
    } = progress;
    format!("{ok} ok, {failed} failed, {remaining} remaining")
}

/// How fast cells are done since the first look. A task may have been running for hours before, at
/// another pace.
#[derive(Debug, Default)]
struct Pace {
    first: Option<(Instant, u32)>,
    last: Option<(Instant, u32)>,
}

impl Pace {
    fn note(&mut self, progress: Progress) {
        let now = (Instant::now(), progress.ok.saturating_add(progress.failed));
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
