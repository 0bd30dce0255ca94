//! The sweep: an idle worker looks for tasks that nobody moves.
//!
//! A producer that died leaves a task without some of its messages, and a task whose messages were
//! purged, or are older than the queue keeps them, has none. No message brings either to a worker,
//! so a worker looks for them when its queue is empty.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;

use crate::aws::{AwsError, ObjectStore, Queue, Topic};
use crate::dispatch::{Dispatch, DispatchError};
use crate::domain::{Event, TaskId, TaskStalled, is_known_layout};
use crate::fault::{self, Point};
use crate::ledger::transition;
use crate::ledger::{Answer, Ledger, LedgerError, Progress, TaskRecord, TaskState};

/// How long a submit is somebody's who does not say that it lives.
const SUBMITTER_CLAIM: Duration = Duration::from_mins(2);
/// How long the queue must have been empty before a task counts as stalled: five times the interval
/// in which an idle worker judges dead letters, which may send a message again.
const QUIET_INTERVALS: u32 = 5;
const QUIET_INTERVAL: Duration = Duration::from_mins(1);
/// The newest tasks among which running ones are looked for.
const TASKS: usize = 100;

/// Why a sweep broke off. The next one begins anew.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A queue or the topic did not answer.
    #[error(transparent)]
    Service(#[from] AwsError),
    /// A submit could not be completed.
    #[error("the submit of task {task} could not be completed: {cause}")]
    Submit {
        /// The task.
        task: TaskId,
        /// Why.
        cause: DispatchError,
    },
}

/// Looks for tasks that nobody moves.
#[derive(Debug)]
pub struct Sweep {
    /// The ledger.
    pub ledger: Ledger,
    /// S3, for manifests.
    pub objects: ObjectStore,
    /// Where it is told that a task is stalled.
    pub topic: Topic,
    /// The queue of cells.
    pub cells: Queue,
}

impl Sweep {
    /// Completes the submits that their producers left, and tells of tasks whose messages are gone.
    /// Returns how many cells were sent.
    ///
    /// # Errors
    /// [`SweepError`] when something did not answer.
    pub async fn run(&self) -> Result<u32, SweepError> {
        let mut sent = 0_u32;
        // The queues are asked once, and only if a task needs to know.
        let mut quiet = None;
        for (task, summary) in self.ledger.tasks(TASKS).await? {
            if summary.state != TaskState::Running || !is_known_layout(summary.layout) {
                continue;
            }
            // The index may be a moment old.
            let Some(record) = self.ledger.task(&task).await? else {
                continue;
            };
            if record.submitted_at.is_none() {
                if record.is_in_last_days(Timestamp::now().as_second()) {
                    continue;
                }
                sent = sent.saturating_add(self.complete_submit(&task, &record).await?);
            } else if record.state == TaskState::Running && !record.open_groups.is_empty() {
                let is_quiet = match quiet {
                    Some(known) => known,
                    None => *quiet.insert(self.is_quiet().await?),
                };
                self.look_for_a_stall(&task, &record, is_quiet).await?;
            }
        }
        Ok(sent)
    }

    /// Carries out the rest of the submit, if its producer does not say that it lives.
    async fn complete_submit(&self, task: &TaskId, record: &TaskRecord) -> Result<u32, SweepError> {
        let second = Timestamp::now().as_second();
        let claim = transition::claim_submit(task, second, submitter_until());
        if matches!(self.ledger.write(&claim).await?, Answer::Refused(_)) {
            return Ok(0);
        }
        fault::point(Point::ClaimSubmit);
        tracing::warn!(%task, "the producer is gone in the middle of its submit; completing it");
        let dispatch = Dispatch {
            objects: &self.objects,
            ledger: &self.ledger,
            queue: &self.cells,
            task,
            record,
        };
        let completing = Box::pin(dispatch.complete_submit());
        let renewing = renew_submitter(&self.ledger, task);
        let sent = tokio::select! {
            sent = completing => sent,
            never = renewing => match never {},
        };
        let sent = sent.map_err(|cause| SweepError::Submit {
            task: task.clone(),
            cause,
        })?;
        tracing::info!(%task, sent, "the submit is complete");
        Ok(sent)
    }

    /// Tells that a task is stalled which runs and has cells, while the queue has had no message
    /// at two looks five minutes apart. Its counts are approximate, and settle within a minute
    /// (Amazon SQS API reference, `GetQueueAttributes`).
    async fn look_for_a_stall(
        &self,
        task: &TaskId,
        record: &TaskRecord,
        is_quiet: bool,
    ) -> Result<(), SweepError> {
        let second = Timestamp::now().as_second();
        match (is_quiet, record.quiet_since) {
            (true, None) => {
                let note = transition::note_quiet(task, second);
                self.ledger.write(&note).await?;
            }
            (true, Some(since)) => {
                let quiet = fault::shortened(QUIET_INTERVAL) * QUIET_INTERVALS;
                let is_long = second.saturating_sub(since) >= quiet.as_secs().cast_signed();
                if is_long && record.stalled_until.is_none_or(|until| until < second) {
                    self.tell_of_stall(task, record, second).await?;
                }
            }
            (false, Some(since)) => {
                let note = transition::note_motion(task, since);
                self.ledger.write(&note).await?;
            }
            (false, None) => {}
        }
        Ok(())
    }

    /// Whether no message waits, is hidden or delayed. Dead letters do not count: an idle worker
    /// judges them once a minute, and those that stay are of no use to any task.
    async fn is_quiet(&self) -> Result<bool, AwsError> {
        let attributes = self.cells.attributes().await?;
        Ok(attributes.waiting + attributes.hidden == 0)
    }

    /// Publishes first and marks then: a repeat has the same id.
    async fn tell_of_stall(
        &self,
        task: &TaskId,
        record: &TaskRecord,
        second: i64,
    ) -> Result<(), SweepError> {
        let stalls = record.stalls.saturating_add(1);
        let claim = transition::claim_sweep(task, stalls, second, submitter_until());
        if matches!(self.ledger.write(&claim).await?, Answer::Refused(_)) {
            return Ok(());
        }
        let shards = self.ledger.shards(task, record).await?;
        let progress = Progress::of(record, &shards);
        let event = Event::TaskStalled(TaskStalled {
            event_id: record.event_id(task, format_args!("{}/stalled/{stalls}", record.epoch)),
            task: task.clone(),
            epoch: record.epoch,
            cells: progress.cells,
            ok: progress.ok,
            failed: progress.failed,
            outside_area: progress.outside_area,
            too_few_valid: progress.too_few_valid,
            remaining: progress.remaining,
            created_at: record.created_at.clone(),
        });
        self.topic.publish(&event).await?;
        fault::point(Point::PublishStall);
        let mark = transition::mark_stalled(task, stalls, second);
        self.ledger.write(&mark).await?;
        fault::point(Point::MarkStall);
        tracing::error!(
            %task, remaining = progress.remaining,
            "the task is stalled: it has cells, and no message; producer resume sends them again"
        );
        Ok(())
    }
}

/// Says every minute that somebody carries out the submit of `task`. Never ends by itself.
pub async fn renew_submitter(ledger: &Ledger, task: &TaskId) -> Infallible {
    loop {
        tokio::time::sleep(fault::shortened(SUBMITTER_CLAIM) / 2).await;
        let renewal = transition::renew_submitter(task, submitter_until());
        match ledger.write(&renewal).await {
            Ok(Answer::Applied(_)) => {}
            Ok(Answer::Refused(_)) => return std::future::pending().await,
            // The claim may end before the next attempt; what follows does no harm.
            Err(error) => tracing::warn!(%error, %task, "the submit is not renewed"),
        }
    }
}

/// The Unix second before which whoever carries out a submit says again that it lives.
pub fn submitter_until() -> i64 {
    let claim = fault::shortened(SUBMITTER_CLAIM).as_secs().cast_signed();
    Timestamp::now().as_second().saturating_add(claim)
}
