//! What a submit has done, and how it is printed.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use tilefleet_common::domain::{S3Url, TaskId};
use tilefleet_common::ledger::{Progress, TaskRecord, TaskState};

use super::submission::Submission;
use crate::cli::{GlobalArgs, Output, note};
use crate::error::ProducerError;

/// What `submit` has done.
#[derive(Debug, Serialize)]
pub(super) struct SubmitOutcome {
    task: TaskId,
    state: TaskState,
    cells: u32,
    /// Cells sent by this submit.
    submitted: u32,
    /// Repeated cells of the input that were dropped.
    skipped: u32,
    /// Whether there was nothing left to submit.
    already: bool,
    manifest: S3Url,
    seconds: f64,
    /// AWS calls by operation, retries included.
    calls: BTreeMap<String, u64>,
}

impl SubmitOutcome {
    /// The outcome for the task with the item `record`. `sent` is `None` when there was nothing
    /// left to submit.
    pub(super) fn new(
        submission: &Submission,
        record: &TaskRecord,
        started: Instant,
        skipped: u32,
        sent: Option<u32>,
    ) -> Self {
        Self {
            task: submission.task.clone(),
            state: record.state,
            cells: record.cells,
            submitted: sent.unwrap_or(0),
            skipped,
            already: sent.is_none(),
            manifest: record.manifest.clone(),
            seconds: started.elapsed().as_secs_f64(),
            calls: submission.fleet.clients.calls.counts(),
        }
    }

    /// Prints the outcome to stdout, as `line` or as JSON, and what else there is to know to
    /// stderr.
    pub(super) fn print(
        &self,
        line: &str,
        output: &mut Output,
        global: &GlobalArgs,
    ) -> Result<(), ProducerError> {
        output.outcome(line, self)?;
        if self.skipped > 0 {
            note(&format!("repeated cells skipped: {}", self.skipped));
        }
        if !global.verbose {
            return Ok(());
        }
        note(&format!("manifest {}", self.manifest));
        for (operation, count) in &self.calls {
            note(&format!("{count:>8} {operation}"));
        }
        if self.submitted > 0 {
            let total = self
                .calls
                .values()
                .fold(0_u64, |sum, count| sum.saturating_add(*count));
            let tenths = total.saturating_mul(10_000) / u64::from(self.submitted);
            note(&format!(
                "{}.{} calls per 1,000 cells",
                tenths / 10,
                tenths % 10
            ));
        }
        Ok(())
    }

    /// The line of a submit that sent messages.
    pub(super) fn sent_line(&self) -> String {
        let Self {
            task,
            cells,
            submitted,
            seconds,
            ..
        } = self;
        let pace = f64::from(*submitted) / seconds.max(0.001);
        format!(
            "task {task}: {cells} cells, {submitted} messages sent in {seconds:.1} s ({pace:.0} cells/s)"
        )
    }

    /// The line of a submit of a task that exists, with its progress.
    pub(super) fn already_line(&self, progress: Progress) -> String {
        let remaining = progress.remaining;
        let task = &self.task;
        match self.state {
            TaskState::Complete => {
                format!("task {task} is already complete: {progress}")
            }
            TaskState::Running => {
                format!(
                    "task {task} is already submitted and running: {progress}, {remaining} remaining"
                )
            }
            TaskState::Cancelled => {
                format!(
                    "task {task} was cancelled: {progress}, {remaining} remaining; producer resume {task} \
                     runs it again, --again makes another task of its cells"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(state: TaskState) -> SubmitOutcome {
        SubmitOutcome {
            task: "rgb-1".parse().unwrap(),
            state,
            cells: 6,
            submitted: 6,
            skipped: 0,
            already: true,
            manifest: "s3://bucket/manifest.ndjson".parse().unwrap(),
            seconds: 0.5,
            calls: BTreeMap::new(),
        }
    }

    #[test]
    fn a_submit_says_what_it_sent_or_found() {
        let progress = Progress {
            cells: 6,
            ok: 3,
            failed: 1,
            remaining: 2,
            ..Progress::default()
        };
        let states = [
            TaskState::Complete,
            TaskState::Running,
            TaskState::Cancelled,
        ];
        let mut lines = vec![outcome(TaskState::Running).sent_line()];
        lines.extend(states.map(|state| outcome(state).already_line(progress)));
        insta::assert_snapshot!(lines.join("\n"), @r"
        task rgb-1: 6 cells, 6 messages sent in 0.5 s (12 cells/s)
        task rgb-1 is already complete: 3 ok, 1 failed
        task rgb-1 is already submitted and running: 3 ok, 1 failed, 2 remaining
        task rgb-1 was cancelled: 3 ok, 1 failed, 2 remaining; producer resume rgb-1 runs it again, --again makes another task of its cells
        ");
    }
}
