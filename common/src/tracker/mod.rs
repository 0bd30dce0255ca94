//! The completion tracker: carries a cell's message through the ledger protocol, and sends the
//! notice when a task ends.
//!
//! There is no tracker process. Whoever holds a message runs the protocol to its end before
//! deleting it, so the holder of a task's last message completes the task and sends its notice, and
//! redelivery repairs whatever a crash left.

mod dead_letter;
mod results;
mod task_cache;

use std::time::Duration;

use jiff::Timestamp;

use crate::aws::{AwsError, ObjectStore, Topic};
use crate::domain::{CellFailed, Event, TaskEnded, TaskOutcome};
use crate::fault::{self, Point};
use crate::ledger::flow::{Answer, Asker, Operation, Step};
use crate::ledger::transition::{Failure, Ticket};
use crate::ledger::{Key, Ledger, LedgerError, Progress, fault_points};

use task_cache::TaskCache;

/// How long one worker has a notice to itself. Writing the results of a million cells takes about a
/// minute; a worker that dies meanwhile delays the notice by no more than this.
pub const NOTICE_LEASE: Duration = Duration::from_mins(5);

/// Why a notice did not go out.
#[derive(Debug, thiserror::Error)]
enum NoticeError {
    #[error("the task's items could not be read: {0}")]
    Ledger(#[from] LedgerError),
    #[error("the task's item is gone")]
    Gone,
    #[error("the results could not be written: {0}")]
    Results(AwsError),
    #[error("the notice could not be published: {0}")]
    Publish(AwsError),
}

/// Carries messages through the protocol.
#[derive(Debug)]
pub struct Tracker {
    ledger: Ledger,
    objects: ObjectStore,
    topic: Topic,
    worker: String,
    tasks: TaskCache,
}

impl Tracker {
    /// A tracker that speaks as `worker`.
    pub fn new(ledger: Ledger, objects: ObjectStore, topic: Topic, worker: String) -> Self {
        Self {
            ledger,
            objects,
            topic,
            worker,
            tasks: TaskCache::default(),
        }
    }

    /// The ledger that it keeps.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Carries out `step` and says what follows. [`Step::Work`] and the two ends are the caller's
    /// and stay as they are.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger gave no answer; the same step can be carried out again.
    pub async fn advance(&self, ticket: &Ticket, step: Step) -> Result<Step, LedgerError> {
        let now = Timestamp::now();
        let asker = Asker {
            worker: &self.worker,
            now: &rfc3339(now),
            second: now.as_second(),
            notice_lease_s: fault::shortened(NOTICE_LEASE).as_secs().cast_signed(),
        };
        match (step.operation(ticket, &asker), step) {
            (Some(Operation::Read(Key::Task(task))), step) => {
                let item = self.tasks.read(&self.ledger, &task).await?;
                Ok(step.next(ticket, &Answer::Found(item)))
            }
            (Some(operation), step) => {
                let answer = self.ledger.answer(&operation).await?;
                fault_points::after(&step, ticket);
                Ok(step.next(ticket, &answer))
            }
            (None, Step::Announce(failure)) => {
                self.announce(ticket, &failure).await;
                fault::point_of(Point::Announce, &ticket.cell);
                Ok(Step::CloseFailed)
            }
            (None, Step::Publish { epoch, until }) => Ok(match self.publish(ticket, epoch).await {
                Ok(()) => Step::MarkNotified(epoch),
                Err(error) => {
                    tracing::error!(%error, "the task is complete but its notice is not sent; it will be tried again");
                    Step::ReleaseNotice {
                        epoch,
                        until,
                        why: error.to_string(),
                    }
                }
            }),
            (None, step) => Ok(step),
        }
    }

    /// Tells of a failed cell. A topic that does not work must not keep the task from its end,
    /// which tells of the cell again; so trouble is logged and nothing more.
    async fn announce(&self, ticket: &Ticket, failure: &Failure) {
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

    async fn publish(&self, ticket: &Ticket, epoch: u32) -> Result<(), NoticeError> {
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

/// A moment as the ledger writes it: RFC 3339, UTC, to the millisecond, so that text sorts as time
/// does.
pub fn rfc3339(moment: Timestamp) -> String {
    format!("{moment:.3}")
}
