//! What brings messages to their end, and the ends themselves.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tilefleet_common::aws::{DeleteBatcher, Queue, QueueError, Received};
use tilefleet_common::domain::LAYOUT;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::RecipeTrouble;
use tilefleet_common::ledger::flow::Deferral;
use tilefleet_common::tracker::Tracker;

use super::attempt_budget::AttemptBudget;
use super::disposition::{Disposition, notice_backoff};
use super::inbox::{Inbox, Origin};
use super::isolation::Isolation;
use super::poison::PoisonStore;
use crate::activity::Activities;
use crate::cell::CellProcessor;
use crate::trouble::{self, Breakers};

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
    /// What is done with the cells that are held.
    pub activities: Activities,
    /// What does not work at the moment.
    pub breakers: Arc<Breakers>,
    /// The queue of cells.
    pub cells: Queue,
    /// Deletes from the queue of cells.
    pub deletions: DeleteBatcher,
    /// Messages handed back because this worker could not use their recipe.
    pub recipe_refusals: AtomicU64,
}

impl MessageHandler {
    /// A message that no worker can ever handle is copied elsewhere and deleted. What cannot be
    /// copied is left to the queue.
    pub(super) async fn keep_poison(
        &self,
        queue_url: &str,
        received: &Received,
        error: &(dyn Display + Sync),
    ) -> Disposition {
        let (worker, message) = (&self.worker, &received.id);
        let later = Disposition::ReleaseAfter(UNKNOWN_WAIT.saturating_mul(received.receives));
        match self.poison.keep(received, queue_url, worker, error).await {
            Ok(Some(kept)) => {
                fault::point(Point::Quarantine);
                let poison = self.poison.kept();
                tracing::error!(
                    worker, message, receives = received.receives, %error, %kept, poison,
                    "no worker can handle the message; it is copied and deleted"
                );
                Disposition::Delete
            }
            Ok(None) => {
                tracing::error!(
                    worker, message, receives = received.receives, %error,
                    "no worker can handle the message; it is left for the dead-letter queue, because --poison names no \
                     place for a copy"
                );
                later
            }
            Err(trouble) => {
                tracing::error!(
                    worker, message, receives = received.receives, %error, %trouble,
                    "no worker can handle the message and it cannot be copied; it goes back to the queue"
                );
                later
            }
        }
    }

    pub(super) fn deferred(&self, why: &Deferral, receives: u32) -> Disposition {
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

    pub(super) async fn dispose(
        &self,
        inbox: &Inbox,
        received: &Received,
        disposition: Disposition,
    ) {
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
            if let QueueError::Call(call) = &error
                && call.is_retryable()
            {
                self.breakers.trip(&trouble::of_queue(call));
            }
            tracing::warn!(
                %error, ?disposition,
                "the queue refused the message's end; it is delivered again, which does no harm"
            );
        } else if disposition == Disposition::Delete {
            tracing::debug!("message deleted");
        }
    }
}
