//! `cancel`: workers drop what of a task they have not begun, and subscribers are told.

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::domain::{Event, TaskCancelled, TaskId};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::{Progress, TaskRecord, TaskState, transition};
use tilefleet_common::tracker::rfc3339;

use crate::cli::{Cancel, Global};
use crate::connection::LedgerConnection;
use crate::error::ProducerError;
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::shards::Shards;

/// What `cancel` tells.
#[derive(Debug, Serialize)]
struct Report {
    task: TaskId,
    state: TaskState,
    #[serde(flatten)]
    progress: Progress,
    /// The reason that is kept: the first one's, where the task was cancelled already.
    reason: String,
    /// Whether an earlier cancel had done it.
    already: bool,
    dry_run: bool,
}

impl Report {
    fn line(&self) -> String {
        let Self {
            task,
            reason,
            progress:
                Progress {
                    ok,
                    failed,
                    remaining,
                    ..
                },
            ..
        } = self;
        let how = match (self.dry_run, self.already) {
            (_, true) => "is already cancelled",
            (true, _) => "would be cancelled",
            (false, false) => "is cancelled",
        };
        format!("task {task} {how} ({reason}): {ok} ok, {failed} failed, {remaining} not done")
    }
}

/// Cancels the task and sends its notice, or sends the notice that an earlier cancel did not come
/// to.
pub(crate) async fn run(
    arguments: &Cancel,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let task = &arguments.task;
    let mut record = connection.task(task).await?;
    let already = record.state == TaskState::Cancelled;
    if record.state == TaskState::Running && !arguments.dry_run {
        let now = rfc3339(Timestamp::now());
        connection
            .ledger
            .write(&transition::cancel_task(task, &arguments.reason, &now))
            .await?;
        fault::point(Point::Cancel);
        // Refused when it ended or was cancelled meanwhile; what counts is what is there.
        record = connection.task(task).await?;
    }
    if record.state == TaskState::Complete {
        return Err(ProducerError::Complete { task: task.clone() });
    }
    let progress = Shards::default()
        .count(&connection.ledger, task, &record)
        .await?;
    let report = Report {
        task: task.clone(),
        state: record.state,
        progress,
        reason: record
            .reason
            .clone()
            .unwrap_or_else(|| arguments.reason.clone()),
        already,
        dry_run: arguments.dry_run,
    };
    output.report(&report.line(), &report)?;
    if record.state == TaskState::Cancelled && !arguments.dry_run {
        tell(&connection, task, &record, progress).await?;
    }
    connection.tell_calls(global);
    Ok(Exit::Ok)
}

/// Sends the notice, unless it is out.
async fn tell(
    connection: &LedgerConnection,
    task: &TaskId,
    record: &TaskRecord,
    progress: Progress,
) -> Result<(), ProducerError> {
    if record.cancels_told >= record.cancels {
        return Ok(());
    }
    let Some(topic) = connection.topic() else {
        note(
            "warning: nobody is told, because no topic is set; the same cancel with --topic-arn sends the notice",
        );
        return Ok(());
    };
    let Progress {
        cells,
        ok,
        failed,
        remaining,
    } = progress;
    let event = Event::TaskCancelled(TaskCancelled {
        event_id: format!("{task}/{}/cancelled/{}", record.epoch, record.cancels),
        task: task.clone(),
        epoch: record.epoch,
        reason: record.reason.clone().unwrap_or_default(),
        cells,
        ok,
        failed,
        remaining,
        created_at: record.created_at.clone(),
        cancelled_at: record.cancelled_at.clone().unwrap_or_default(),
    });
    let published = topic.publish(&event).await;
    published.map_err(|cause| ProducerError::NotTold {
        task: task.clone(),
        cause: Box::new(cause),
    })?;
    fault::point(Point::PublishCancel);
    connection
        .ledger
        .write(&transition::mark_cancel_told(task, record.cancels))
        .await?;
    fault::point(Point::MarkCancel);
    Ok(())
}
