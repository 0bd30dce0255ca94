//! `status`: the state of a task.

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::domain::{JobId, S3Url, Scope, TaskId};
use tilefleet_common::ledger::{Progress, TaskRecord, TaskState};
use tilefleet_common::tracker::rfc3339;

use crate::cli::{Exit, Format, GlobalArgs, Output, StatusArgs, note};
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, TaskProgress};

/// The state of a task, as `status` and `watch` print it.
#[derive(Debug, Serialize)]
pub(crate) struct TaskStatus {
    task: TaskId,
    state: TaskState,
    /// The fields `recipe` and `recipe_digest`.
    #[serde(flatten)]
    job: JobId,
    /// The fields `area_digest` and `min_valid`, each if the task has one.
    #[serde(flatten)]
    scope: Scope,
    #[serde(flatten)]
    progress: Progress,
    /// Whether the counts are older than the moment of printing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    approximate: bool,
    epoch: u32,
    created_at: String,
    submitted_at: Option<String>,
    completed_at: Option<String>,
    /// When the ledger forgets the task; `null` for one that is kept for ever.
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_failed: Option<u32>,
    notice: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    output: S3Url,
    /// The results list of the current epoch. It exists when the notice is sent.
    results: S3Url,
}

impl TaskStatus {
    pub(crate) fn new(task: &TaskId, record: &TaskRecord, progress: Progress) -> Self {
        Self {
            task: task.clone(),
            state: record.state,
            job: record.job.clone(),
            scope: record.scope.clone(),
            progress,
            approximate: false,
            epoch: record.epoch,
            created_at: record.created_at.clone(),
            submitted_at: record.submitted_at.clone(),
            completed_at: record.completed_at.clone(),
            expires_at: record.expires_at.and_then(moment),
            max_failed: record.max_failed,
            notice: notice(record),
            cancelled_at: record.cancelled_at.clone(),
            reason: record.reason.clone(),
            output: record.output.clone(),
            results: record.results(task, record.epoch),
        }
    }

    /// The same with counts that are approximate or not.
    pub(crate) fn approximate(self, approximate: bool) -> Self {
        Self {
            approximate,
            ..self
        }
    }

    /// Writes the state in the output's format.
    pub(crate) fn write(&self, output: &mut Output) -> Result<(), ProducerError> {
        if output.format == Format::Table {
            output.table(None, &self.rows())
        } else {
            output.json(self)
        }
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let Progress {
            cells,
            ok,
            failed,
            remaining,
            ..
        } = self.progress;
        // What takes more than a number.
        let submitted = match (&self.submitted_at, self.state) {
            (Some(moment), _) => moment.clone(),
            (None, TaskState::Cancelled) => "not finished; resume completes it".to_owned(),
            (None, _) => "submit has not finished: run the same submit again".to_owned(),
        };
        let failed = match self.max_failed {
            Some(limit) => format!("{failed}; the task stops at {limit}"),
            None => failed.to_string(),
        };
        // One row each, in the order in which a reader asks.
        let mut rows = vec![
            ("task", self.task.to_string()),
            ("state", self.state.name().to_owned()),
            ("recipe", self.job.to_string()),
            ("cells", cells.to_string()),
            ("ok", ok.to_string()),
            ("failed", failed),
            ("remaining", remaining.to_string()),
            ("done", percent(self.progress)),
            ("epoch", self.epoch.to_string()),
            ("created", self.created_at.clone()),
            ("submitted", submitted),
            (
                "completed",
                self.completed_at.clone().unwrap_or_else(|| "-".to_owned()),
            ),
            (
                "expires",
                self.expires_at.clone().unwrap_or_else(|| "-".to_owned()),
            ),
            ("notice", self.notice.clone()),
            ("output", self.output.to_string()),
            ("results", self.results.to_string()),
        ];
        for (reason, count) in self.progress.reasons() {
            let place = rows.iter().position(|(name, _)| *name == "remaining");
            let row = (reason.name(), count.to_string());
            rows.insert(place.unwrap_or(rows.len()), row);
        }
        if let Some(area) = &self.scope.area {
            let object = self.task.area_object(&self.output, area);
            rows.insert(3, ("area", object.to_string()));
        }
        if let (Some(moment), Some(reason)) = (&self.cancelled_at, &self.reason) {
            rows.insert(2, ("cancelled", format!("{moment}: {reason}")));
        }
        rows.into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect()
    }
}

/// A Unix second as the other moments are written.
fn moment(second: i64) -> Option<String> {
    Timestamp::from_second(second).ok().map(rfc3339)
}

/// Whether the notice of the task's end is sent, and if not, why.
fn notice(record: &TaskRecord) -> String {
    match (record.state, &record.notice_error) {
        (TaskState::Running, _) => "sent when the task ends".to_owned(),
        (TaskState::Cancelled, _) if record.cancels_notified >= record.cancels => {
            "cancellation sent".to_owned()
        }
        (TaskState::Cancelled, _) => {
            "cancelled, notice not sent: a worker sends it, or the same cancel again".to_owned()
        }
        (TaskState::Complete, _) if record.notified_epoch >= record.epoch => "sent".to_owned(),
        (TaskState::Complete, Some(why)) => format!("complete, notice not sent: {why}"),
        (TaskState::Complete, None) => "complete, notice not sent yet".to_owned(),
    }
}

/// The share of cells that are done, rounded down: 100 % means all of them.
pub(crate) fn percent(progress: Progress) -> String {
    let tenths = (u64::from(progress.ended()) * 1000)
        .checked_div(progress.cells.into())
        .unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// The exit of a command about a task that has ended.
pub(crate) fn exit_of_ended(progress: Progress) -> Exit {
    if progress.failed == 0 && progress.remaining == 0 {
        Exit::Ok
    } else {
        Exit::FailedCells
    }
}

/// Prints the state of the task.
pub(crate) async fn run(
    args: &StatusArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let record = connection.task(&args.task).await?;
    let progress = TaskProgress::default()
        .count(&connection.ledger, &args.task, &record)
        .await?;
    TaskStatus::new(&args.task, &record, progress).write(output)?;
    output.flush()?;
    if record.state == TaskState::Running {
        for trouble in connection.worker_trouble().await {
            note(&format!("warning: {trouble}"));
        }
    }
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printed;
    use crate::fleet::task_record;

    #[test]
    fn a_hundred_percent_is_all() {
        let percent = |cells, ok, failed| {
            percent(Progress {
                cells,
                ok,
                failed,
                remaining: cells - ok - failed,
                ..Progress::default()
            })
        };
        assert_eq!(percent(3, 1, 0), "33.3 %");
        assert_eq!(percent(10_000, 9_998, 1), "99.9 %");
        assert_eq!(percent(10_000, 9_998, 2), "100.0 %");
        assert_eq!(percent(0, 0, 0), "0.0 %");
    }

    #[test]
    fn a_task_that_ended_without_all_results_is_a_failure() {
        let exit = |ok, failed| {
            exit_of_ended(Progress {
                cells: 3,
                ok,
                failed,
                remaining: 3 - ok - failed,
                ..Progress::default()
            })
        };
        assert_eq!(
            (exit(3, 0), exit(2, 1), exit(1, 0)),
            (Exit::Ok, Exit::FailedCells, Exit::FailedCells)
        );
    }

    fn status(record: &TaskRecord, ok: u32, failed: u32) -> String {
        let cells = record.cells;
        let progress = Progress {
            cells,
            ok,
            failed,
            remaining: cells - ok - failed,
            ..Progress::default()
        };
        let status = TaskStatus::new(&"rgb-1".parse().unwrap(), record, progress);
        [Format::Table, Format::Ndjson]
            .map(|format| printed(format, |output| status.write(output)))
            .concat()
    }

    #[test]
    fn a_running_task_says_how_far_it_is() {
        insta::assert_snapshot!(status(&task_record(), 300, 1));
    }

    #[test]
    fn cells_without_a_raster_have_rows_of_their_own_and_count_as_done() {
        let progress = Progress {
            cells: 300,
            ok: 290,
            outside_area: 7,
            too_few_valid: 3,
            ..Progress::default()
        };
        let record = TaskRecord {
            cells: 300,
            ..task_record()
        };
        let status = TaskStatus::new(&"rgb-1".parse().unwrap(), &record, progress);
        let text = printed(Format::Table, |output| status.write(output));
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        for row in [
            vec!["ok", "290"],
            vec!["outside_area", "7"],
            vec!["too_few_valid", "3"],
            vec!["done", "100.0", "%"],
        ] {
            assert!(words.contains(&row), "{row:?}: {text}");
        }
        assert_eq!(exit_of_ended(progress), Exit::Ok);
    }

    #[test]
    fn a_task_whose_submit_was_interrupted_says_so() {
        let unfinished = TaskRecord {
            submitted_at: None,
            ..task_record()
        };
        insta::assert_snapshot!(status(&unfinished, 0, 0));
    }

    #[test]
    fn a_complete_task_says_why_its_notice_is_not_sent() {
        let complete = TaskRecord {
            state: TaskState::Complete,
            open_groups: [].into(),
            completed_at: Some("2026-11-26T14:20:00.000Z".to_owned()),
            notice_error: Some("topic t-events does not exist".to_owned()),
            ..task_record()
        };
        insta::assert_snapshot!(status(&complete, 798, 2));
    }

    #[test]
    fn a_cancelled_task_says_why() {
        let cancelled = TaskRecord {
            state: TaskState::Cancelled,
            reason: Some("wrong year".to_owned()),
            cancelled_at: Some("2026-11-26T14:00:00.000Z".to_owned()),
            cancels: 1,
            cancels_notified: 1,
            ..task_record()
        };
        insta::assert_snapshot!(status(&cancelled, 10, 0));
    }
}
