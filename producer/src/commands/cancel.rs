//! `cancel`: workers drop the cells of a task that they have not started, and subscribers
//! are notified.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::domain::TaskId;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{self, Notice};
use tilefleet_common::ledger::{Progress, TaskRecord, TaskState};
use tilefleet_common::tracker::{cancelled_event, rfc3339};

use crate::cli::{CancelArgs, Exit, GlobalArgs, Output, note};
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, TaskProgress};

/// How long workers leave the notice to this command. It counts the cells of a task of ten million
/// in less.
const NOTICE_CLAIM: Duration = Duration::from_mins(1);

/// What `cancel` has done.
#[derive(Debug, Serialize)]
struct CancelOutcome {
    task: TaskId,
    state: TaskState,
    #[serde(flatten)]
    progress: Progress,
    /// The reason that the ledger keeps: that of the first cancel.
    reason: String,
    /// Whether an earlier command has cancelled the task.
    already: bool,
    dry_run: bool,
}

impl CancelOutcome {
    fn line(&self) -> String {
        let Self {
            task,
            reason,
            progress,
            ..
        } = self;
        let how = match (self.dry_run, self.already) {
            (_, true) => "is already cancelled",
            (true, _) => "would be cancelled",
            (false, false) => "is cancelled",
        };
        let remaining = progress.remaining;
        format!("task {task} {how} ({reason}): {progress}, {remaining} not done")
    }
}

/// Cancels the task and sends its notice, or sends the notice that an earlier cancel could not
/// send.
pub(crate) async fn run(
    args: &CancelArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let task = &args.task;
    let mut record = connection.task(task).await?;
    let already = record.state == TaskState::Cancelled;
    if record.state == TaskState::Running && !args.dry_run {
        let now = Timestamp::now();
        let until = now.as_second() + fault::shortened(NOTICE_CLAIM).as_secs().cast_signed();
        let now = rfc3339(now);
        connection
            .ledger
            .write(&transition::cancel_task(task, &args.reason, &now, until))
            .await?;
        fault::point(Point::Cancel);
        // The ledger refuses the write if the task has ended or was cancelled meanwhile. What it
        // has now decides.
        record = connection.task(task).await?;
    }
    if record.state == TaskState::Complete {
        return Err(ProducerError::Complete { task: task.clone() });
    }
    let progress = TaskProgress::default()
        .count(&connection.ledger, task, &record)
        .await?;
    let outcome = CancelOutcome {
        task: task.clone(),
        state: record.state,
        progress,
        reason: record.reason.clone().unwrap_or_else(|| args.reason.clone()),
        already,
        dry_run: args.dry_run,
    };
    output.outcome(&outcome.line(), &outcome)?;
    // Also an earlier cancel may not have sent the notice.
    if record.state == TaskState::Cancelled && !args.dry_run {
        send_notice(&connection, task, &record, progress).await?;
    }
    connection.print_calls(global);
    Ok(Exit::Ok)
}

/// Sends the notice, unless it is already sent.
async fn send_notice(
    connection: &LedgerConnection,
    task: &TaskId,
    record: &TaskRecord,
    progress: Progress,
) -> Result<(), ProducerError> {
    if record.cancels_notified >= record.cancels {
        return Ok(());
    }
    let Some(topic) = connection.topic() else {
        note(
            "warning: no notice is sent, because no topic is set; the same cancel with --topic-arn sends it",
        );
        return Ok(());
    };
    let event = cancelled_event(task, record, progress);
    // The mark comes after the publication: if this process dies between them, the same cancel
    // again publishes the same event.
    let published = topic.publish(&event).await;
    published.map_err(|cause| ProducerError::NoticeNotSent {
        task: task.clone(),
        cause: Box::new(cause),
    })?;
    fault::point(Point::PublishCancel);
    connection
        .ledger
        .write(&transition::mark_notified(
            task,
            Notice::Cancelled(record.cancels),
        ))
        .await?;
    fault::point(Point::MarkCancel);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printed_outcomes;

    #[test]
    fn the_outcome_says_what_was_done() {
        let outcome = |already, dry_run| CancelOutcome {
            task: "t".parse().unwrap(),
            state: TaskState::Cancelled,
            progress: Progress {
                cells: 12,
                ok: 3,
                failed: 1,
                remaining: 8,
                ..Progress::default()
            },
            reason: "wrong year".to_owned(),
            already,
            dry_run,
        };
        let outcomes = [
            outcome(false, false),
            outcome(true, false),
            outcome(false, true),
        ];
        insta::assert_snapshot!(printed_outcomes(&outcomes, CancelOutcome::line));
    }
}
