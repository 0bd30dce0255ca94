//! The life of one message, from its receive to its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tilefleet_common::aws::{DeleteBatcher, QueueError, Received};
use tilefleet_common::domain::{CellMessage, Job, LAYOUT, MessageError};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::flow::{Deferral, Outcome, Step};
use tilefleet_common::ledger::transition::{Failure, Ticket};
use tilefleet_common::ledger::{LedgerError, RecipeTrouble};
use tilefleet_common::tracker::Tracker;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::attempt_budget::{AfterFailure, AttemptBudget};
use super::disposition::{Disposition, notice_backoff};
use super::inbox::{Inbox, Origin};
use super::isolation::{Isolation, Permit};
use super::lease::Lease;
use super::poison::PoisonStore;
use crate::cell::{CellError, CellProcessor};

/// The wait before a message is received again that is malformed, or whose task is unknown. After
/// enough receives the queue moves such a message to the dead-letter queue, for a person to look
/// at.
const UNKNOWN_WAIT: Duration = Duration::from_mins(1);

/// The wait before another worker receives a message whose recipe or layout this one does not know.
/// Until then a newer worker may have replaced this one.
const OTHER_VERSION_WAIT: Duration = Duration::from_mins(5);

/// Brings messages to their end.
#[derive(Debug)]
pub struct MessageHandler {
    /// Carries out the ledger's steps.
    pub tracker: Tracker,
    /// Makes rasters.
    pub processor: CellProcessor,
    /// This worker's name.
    pub worker: String,
    /// Counts failures and crashes.
    pub budget: AttemptBudget,
    /// Keeps cells that workers die of apart from the others.
    pub isolation: Isolation,
    /// Keeps malformed messages.
    pub poison: PoisonStore,
    /// Deletes from the queue of cells.
    pub deletions: DeleteBatcher,
    /// Messages handed back because this worker could not use their recipe.
    pub recipe_refusals: AtomicU64,
}

/// A well-formed message, for as long as the worker holds it.
struct Delivery<'a> {
    origin: Origin,
    message: &'a CellMessage,
    received: &'a Received,
    ticket: Ticket,
    /// Cancelled when another worker can have the message.
    lease_lost: &'a CancellationToken,
}

impl MessageHandler {
    /// Brings a message received at `since` to its end. Never fails: what cannot be done now is
    /// done on redelivery.
    pub async fn handle(&self, inbox: &Inbox, received: Received, since: Instant) {
        let message = match CellMessage::read(&received.body) {
            Ok(message) => message,
            Err(MessageError::Layout(layout)) => {
                let disposition = self.deferred(&Deferral::Layout(layout), received.receives);
                self.dispose(inbox, &received, disposition).await;
                return;
            }
            Err(MessageError::Malformed(error)) => {
                let disposition = self.keep_malformed(inbox, &received, &error).await;
                self.dispose(inbox, &received, disposition).await;
                return;
            }
        };
        fault::point_of(Point::Receive, &message.cell.id);
        let ticket = Ticket::of(&message);
        let span = tracing::info_span!(
            "cell",
            task = %ticket.task, cell = %ticket.cell, worker = self.worker,
            shard = ticket.shard, ordinal = ticket.ordinal, receives = received.receives
        );
        async {
            let lease = Lease::start(inbox, received.receipt.clone(), since);
            let delivery = Delivery {
                origin: inbox.origin,
                message: &message,
                received: &received,
                ticket,
                lease_lost: lease.lost(),
            };
            let disposition = self.run_protocol(&delivery).await;
            let cell = delivery.ticket.cell;
            drop(lease);
            self.dispose(inbox, &received, disposition).await;
            if disposition == Disposition::Delete {
                fault::point_of(Point::Delete, &cell);
            }
        }
        .instrument(span)
        .await;
    }

    /// A malformed message stays malformed: it is copied elsewhere and deleted. What cannot be
    /// copied is left to the queue.
    async fn keep_malformed(
        &self,
        inbox: &Inbox,
        received: &Received,
        error: &serde_json::Error,
    ) -> Disposition {
        let (worker, message) = (&self.worker, &received.id);
        let later = Disposition::ReleaseAfter(UNKNOWN_WAIT.saturating_mul(received.receives));
        let copied = self.poison.keep(received, inbox.queue.url(), worker, error);
        match copied.await {
            Ok(Some(kept)) => {
                fault::point(Point::Quarantine);
                let poison = self.poison.kept();
                tracing::error!(
                    worker, message, receives = received.receives, %error, %kept, poison,
                    "the message is malformed; it is copied and deleted"
                );
                Disposition::Delete
            }
            Ok(None) => {
                tracing::error!(
                    worker, message, receives = received.receives, %error,
                    "the message is malformed; it is left for the dead-letter queue, because --poison names no place \
                     for a copy"
                );
                later
            }
            Err(trouble) => {
                tracing::error!(
                    worker, message, receives = received.receives, %error, %trouble,
                    "the message is malformed and cannot be copied; it goes back to the queue"
                );
                later
            }
        }
    }

    /// Carries out step after step of the ledger's protocol, up to the message's end.
    async fn run_protocol(&self, delivery: &Delivery<'_>) -> Disposition {
        let works = delivery.origin == Origin::Cells;
        let mut step = Step::ReadTask;
        // Held to the end of this function.
        let mut permit: Option<Permit> = None;
        loop {
            step = match step {
                // The two ends.
                Step::Delete => return Disposition::Delete,
                Step::Defer(why) => return self.deferred(&why, delivery.received.receives),

                // The worker's own steps: before the cell begins it needs a permit, and then it is
                // processed. Of a dead letter the tracker fails the cell instead.
                Step::Start(job) if works && permit.is_none() => match self.admit(delivery).await {
                    Ok(Ok(admitted)) => {
                        permit = Some(admitted);
                        Step::Start(job)
                    }
                    Ok(Err(failure)) => Step::Record(Outcome::Failed(failure)),
                    Err(disposition) => return disposition,
                },
                Step::Work(job) if works => match self.process(delivery, &job).await {
                    Ok(outcome) => Step::Record(outcome),
                    Err(disposition) => return disposition,
                },

                // All others are the tracker's.
                step => match self.advance(delivery, step).await {
                    Ok(next) => next,
                    Err(error) => {
                        tracing::error!(%error, "the ledger did not answer; the message goes back to the queue");
                        return Disposition::after_backoff(delivery.received.receives);
                    }
                },
            };
            if delivery.lease_lost.is_cancelled() {
                return Disposition::LeaveAlone;
            }
        }
    }

    /// Waits for a permit to run the cell, an exclusive one if workers died of it before (see
    /// [`super::isolation`]). A cell that too many died of fails instead.
    async fn admit(&self, delivery: &Delivery<'_>) -> Result<Result<Permit, Failure>, Disposition> {
        let receives = delivery.received.receives;
        let crashes = self.budget.crashes(&delivery.ticket, receives).await;
        if let Some(failure) = self.budget.too_many_crashes(crashes) {
            tracing::error!(
                code = failure.code,
                error = failure.message,
                "crashed too often"
            );
            return Ok(Err(failure));
        }
        if crashes > 0 {
            tracing::warn!(
                crashes,
                "workers that had the cell died or lost the message; it runs alone"
            );
        }
        tokio::select! {
            permit = self.isolation.acquire(crashes > 0) => Ok(Ok(permit)),
            () = delivery.lease_lost.cancelled() => Err(Disposition::LeaveAlone),
            () = self.processor.shutdown.stop.cancelled() => {
                tracing::info!("interrupted; handed back before it began");
                Err(Disposition::ReleaseAfter(Duration::ZERO))
            }
        }
    }

    /// Step 5: processes the cell, and counts a failure or an interruption.
    async fn process(&self, delivery: &Delivery<'_>, job: &Job) -> Result<Outcome, Disposition> {
        tracing::info!("begun");
        let cell = &delivery.message.cell;
        let processing = self.processor.process(cell, job, delivery.lease_lost);
        match processing.await {
            Ok(success) => {
                let bytes: u64 = success
                    .artefacts
                    .iter()
                    .map(|artefact| artefact.bytes)
                    .sum();
                tracing::info!(
                    output = %success.output, artefacts = success.artefacts.len(), bytes, fetch_ms = success.fetch_ms,
                    fuse_ms = success.fuse_ms, publish_ms = success.publish_ms, "published"
                );
                Ok(Outcome::Ok(success))
            }
            Err(CellError::Permanent(failure)) => {
                tracing::error!(
                    code = failure.code,
                    error = failure.message,
                    "failed for good"
                );
                Ok(Outcome::Failed(failure))
            }
            Err(CellError::Retryable(failure)) => {
                match self.budget.count_failure(&delivery.ticket, failure).await {
                    Ok(AfterFailure::Fail(failure)) => Ok(Outcome::Failed(failure)),
                    Ok(AfterFailure::Retry(wait)) => Err(Disposition::ReleaseAfter(wait)),
                    Err(error) => {
                        tracing::error!(
                            %error, worker = self.worker,
                            "the failure is not counted; the message goes back to the queue"
                        );
                        Err(Disposition::after_backoff(1))
                    }
                }
            }
            Err(CellError::Interrupted) => {
                tracing::info!("interrupted; handed back");
                self.budget.count_interruption(&delivery.ticket).await;
                Err(Disposition::ReleaseAfter(Duration::ZERO))
            }
            Err(CellError::LeaseLost) => {
                self.budget.count_interruption(&delivery.ticket).await;
                Err(Disposition::LeaveAlone)
            }
        }
    }

    async fn advance(&self, delivery: &Delivery<'_>, step: Step) -> Result<Step, LedgerError> {
        let ticket = &delivery.ticket;
        match delivery.origin {
            Origin::Cells => self.tracker.advance(ticket, step).await,
            Origin::DeadLetters => {
                let (epoch, id) = (delivery.message.epoch, &delivery.received.id);
                self.tracker
                    .advance_dead_letter(ticket, epoch, id, step)
                    .await
            }
        }
    }

    fn deferred(&self, why: &Deferral, receives: u32) -> Disposition {
        let wait = match why {
            Deferral::UnknownTask => {
                tracing::error!(
                    worker = self.worker,
                    "the task is not in the ledger; does TILEFLEET_TABLE name the table that the producer used?"
                );
                UNKNOWN_WAIT
            }
            Deferral::NoticeHeld { until } => {
                let left = until
                    .saturating_sub(jiff::Timestamp::now().as_second())
                    .max(0);
                Duration::from_secs(u64::try_from(left).unwrap_or(0) + 1)
            }
            Deferral::NoticeFailed => notice_backoff(receives),
            Deferral::Recipe(trouble) => self.refuse_recipe(trouble),
            Deferral::Layout(layout) => {
                tracing::error!(
                    worker = self.worker,
                    layout,
                    known = LAYOUT,
                    wait_s = OTHER_VERSION_WAIT.as_secs(),
                    "the task has a layout that this worker does not know; the message goes back to the queue for a \
                     worker of the version that submitted it"
                );
                OTHER_VERSION_WAIT
            }
        };
        Disposition::ReleaseAfter(wait)
    }

    /// Counts and logs a recipe that this worker cannot use, and returns how long the message
    /// waits. Nobody has begun the cell, so it is charged nothing.
    fn refuse_recipe(&self, trouble: &RecipeTrouble) -> Duration {
        let refusals = self.recipe_refusals.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::error!(
            worker = self.worker, error = %trouble, recipe_refusals = refusals, wait_s = OTHER_VERSION_WAIT.as_secs(),
            "the cell is not begun; the message goes back to the queue"
        );
        OTHER_VERSION_WAIT
    }

    async fn dispose(&self, inbox: &Inbox, received: &Received, disposition: Disposition) {
        let (queue, receipt) = (&inbox.queue, &received.receipt);
        let done = match disposition {
            Disposition::Delete if inbox.origin == Origin::Cells => {
                self.deletions.delete(receipt.clone()).await
            }
            Disposition::Delete => queue.delete(receipt).await.map_err(QueueError::from),
            Disposition::ReleaseAfter(wait) => queue
                .hide(receipt, fault::shortened(wait))
                .await
                .map_err(QueueError::from),
            Disposition::LeaveAlone => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(
                %error, ?disposition,
                "the queue refused the message's end; it is delivered again, which does no harm"
            );
        } else if disposition == Disposition::Delete {
            tracing::debug!("message deleted");
        }
    }
}
