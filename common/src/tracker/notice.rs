//! What the fleet publishes: that a cell has failed, and that a task has ended.

use crate::aws::{ObjectStore, Topic};
use crate::domain::{CellFailed, Event, TaskEnded, TaskOutcome};
use crate::fault::{self, Point};
use crate::ledger::transition::{Failure, Ticket};
use crate::ledger::{Ledger, Progress};

use super::error::NoticeError;
use super::results;

/// Publishes events, with what the ledger says.
#[derive(Debug)]
pub(super) struct Notices {
    pub(super) ledger: Ledger,
    pub(super) objects: ObjectStore,
    pub(super) topic: Topic,
}

impl Notices {
    /// Publishes that a cell has failed. A topic that does not work must not keep the task from
    /// its end, and the task's notice counts the cell again; so an error is only logged.
    pub(super) async fn announce(&self, ticket: &Ticket, failure: &Failure) {
        // As it is now: after a retry, the epoch of a moment ago would make this event look like a
        // repeat of another.
        let task = match self.ledger.task(&ticket.task).await {
            Ok(Some(task)) => Ok(task),
            Ok(None) => Err("the task's item is gone".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let published = match task {
            Ok(task) => {
                let event = Event::CellFailed(CellFailed {
                    event_id: format!("{}/{}/{}", ticket.task, task.epoch, ticket.ordinal),
                    task: ticket.task.clone(),
                    epoch: task.epoch,
                    ordinal: ticket.ordinal,
                    cell: ticket.cell,
                    code: failure.code.clone(),
                    message: failure.message.clone(),
                });
                self.topic
                    .publish(&event)
                    .await
                    .map_err(|error| error.to_string())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = published {
            tracing::warn!(
                error,
                "the event of a failed cell is not sent; the notice of the task will count the cell"
            );
        }
    }

    /// Writes the results of `epoch` and publishes that the task is complete.
    ///
    /// # Errors
    /// [`NoticeError`] when the notice did not go out.
    pub(super) async fn publish(&self, ticket: &Ticket, epoch: u32) -> Result<(), NoticeError> {
        let task = self
            .ledger
            .task(&ticket.task)
            .await?
            .ok_or(NoticeError::Gone)?;
        let shards = self.ledger.shards(&ticket.task, &task).await?;
        let progress = Progress::of(&task, &shards);
        let results = task.results(&ticket.task, epoch);
        results::write(
            &self.ledger,
            &self.objects,
            &ticket.task,
            &task,
            &shards,
            &results,
        )
        .await?;
        fault::point_of(Point::Results, &ticket.cell);
        let event = Event::TaskComplete(TaskEnded {
            event_id: format!("{}/{epoch}", ticket.task),
            task: ticket.task.clone(),
            epoch,
            outcome: TaskOutcome::of_counts(progress.cells, progress.failed),
            cells: progress.cells,
            ok: progress.ok,
            failed: progress.failed,
            results,
            created_at: task.created_at.clone(),
            completed_at: task.completed_at.clone().unwrap_or_default(),
        });
        self.topic
            .publish(&event)
            .await
            .map_err(NoticeError::Publish)?;
        fault::point_of(Point::Publish, &ticket.cell);
        tracing::info!(
            task = %ticket.task, epoch, ok = progress.ok, failed = progress.failed, "the task is complete; its notice is sent"
        );
        Ok(())
    }
}
