//! The life of one message in a worker's hands, from its receive to its end.

use std::time::Duration;

use tilefleet_common::aws::{Queue, Received, full_jitter};
use tilefleet_common::domain::CellMessage;
use tilefleet_common::ledger::attribute::FAILURES;
use tilefleet_common::ledger::flow::{Deferral, Outcome, Step};
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_common::ledger::{Answer, LedgerError, Value};
use tilefleet_common::tracker::{Tracker, rfc3339};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::lease::Lease;
use crate::work::{WorkError, Workshop};

/// The wait after the first failure that may pass; it doubles with each, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// The wait before a message is looked at again whose task is unknown, or that cannot be read. Receives send such a
/// message to the dead-letter queue in the end, for a person to look at.
const UNKNOWN_WAIT: Duration = Duration::from_mins(1);

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The queue of cells: there is work to do.
    Cells,
    /// The dead-letter queue: whatever is still pending has failed.
    DeadLetters,
}

/// Brings messages to their end.
#[derive(Debug)]
pub struct Holder {
    /// Carries out the ledger's steps.
    pub tracker: Tracker,
    /// Makes rasters.
    pub workshop: Workshop,
    /// This worker's name.
    pub worker: String,
    /// Failures that may pass, before a cell is given up.
    pub max_failures: u32,
}

/// What is to become of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All is done.
    Delete,
    /// Somebody shall have it in a while.
    Later(Duration),
    /// It may be another worker's; it is not touched.
    Lost,
}

impl Holder {
    /// Brings a message received at `since` to its end. Never fails: what cannot be done now is done on redelivery.
    pub async fn hold(
        &self,
        source: Source,
        queue: &Queue,
        timeout: Duration,
        received: Received,
        since: Instant,
    ) {
        let message: CellMessage = match serde_json::from_str(&received.body) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(
                    worker = self.worker, message = received.id, receives = received.receives, %error,
                    "the message is no cell; it is left for the dead-letter queue"
                );
                self.end(queue, &received, End::Later(UNKNOWN_WAIT.saturating_mul(received.receives))).await;
                return;
            }
        };
        let ticket = Ticket {
            task: message.task.clone(),
            shard: message.shard,
            ordinal: message.ordinal,
            cell: message.cell.id,
        };
        let span = tracing::info_span!(
            "cell",
            task = %ticket.task, cell = %ticket.cell, worker = self.worker,
            shard = ticket.shard, ordinal = ticket.ordinal, receives = received.receives
        );
        async {
            let lease = Lease::hold(queue.clone(), received.receipt.clone(), timeout, since);
            let end = self.carry(source, &ticket, &message, &received, lease.lost()).await;
            drop(lease);
            self.end(queue, &received, end).await;
        }
        .instrument(span)
        .await;
    }

    async fn carry(
        &self,
        source: Source,
        ticket: &Ticket,
        message: &CellMessage,
        received: &Received,
        lost: &CancellationToken,
    ) -> End {
        let mut step = Step::ReadTask;
        loop {
            step = match step {
                Step::Delete => return End::Delete,
                Step::Defer(why) => return self.deferred(&why, received.receives),
                Step::Work if source == Source::Cells => match self.work(ticket, message, lost).await {
                    Ok(outcome) => Step::Record(outcome),
                    Err(end) => return end,
                },
                step => match self.advance(source, ticket, message, received, step).await {
                    Ok(next) => next,
                    Err(error) => {
                        tracing::error!(%error, "the ledger gave no answer; the message goes back");
                        return End::Later(full_jitter(FIRST_WAIT, LONGEST_WAIT, received.receives));
                    }
                },
            };
            if lost.is_cancelled() {
                return End::Lost;
            }
        }
    }

    async fn advance(
        &self,
        source: Source,
        ticket: &Ticket,
        message: &CellMessage,
        received: &Received,
        step: Step,
    ) -> Result<Step, LedgerError> {
        match source {
            Source::Cells => self.tracker.advance(ticket, step).await,
            Source::DeadLetters => {
                self.tracker.advance_dead_letter(ticket, message.epoch, &received.id, step).await
            }
        }
    }

    /// Step 5, with the budget of failures that may pass.
    async fn work(
        &self,
        ticket: &Ticket,
        message: &CellMessage,
        lost: &CancellationToken,
    ) -> Result<Outcome, End> {
        tracing::info!("begun");
        match self.workshop.make(message, lost).await {
            Ok(success) => {
                tracing::info!(
                    output = %success.output, bytes = success.bytes, fetch_ms = success.fetch_ms,
                    fuse_ms = success.fuse_ms, publish_ms = success.publish_ms, "published"
                );
                Ok(Outcome::Ok(success))
            }
            Err(WorkError::Permanent(failure)) => {
                tracing::error!(code = failure.code, error = failure.message, "failed for good");
                Ok(Outcome::Failed(failure))
            }
            Err(WorkError::Passing(failure)) => self.count_failure(ticket, failure).await,
            Err(WorkError::Interrupted) => {
                tracing::info!("interrupted; handed back");
                if let Err(error) = self.tracker.ledger().write(&transition::count_interruption(ticket)).await
                {
                    tracing::warn!(%error, "the interruption is not counted");
                }
                Err(End::Later(Duration::ZERO))
            }
            Err(WorkError::LeaseLost) => Err(End::Lost),
        }
    }

    async fn count_failure(&self, ticket: &Ticket, failure: Failure) -> Result<Outcome, End> {
        let now = rfc3339(jiff::Timestamp::now());
        let write = transition::count_failure(ticket, &failure, &now);
        let failures = match self.tracker.ledger().write(&write).await {
            Ok(Answer::Applied(item)) => match item.get(FAILURES) {
                Some(Value::Number(failures)) => u32::try_from(*failures).unwrap_or(u32::MAX),
                _ => 1,
            },
            // Somebody succeeded meanwhile: the flow finds that out and closes the cell.
            Ok(Answer::Refused(_)) => return Ok(Outcome::Failed(failure)),
            Err(error) => return Err(self.not_counted(&error)),
        };
        if failures >= self.max_failures {
            tracing::error!(code = failure.code, error = failure.message, failures, "failed too often");
            let message = format!("{} (tried {failures} times)", failure.message);
            return Ok(Outcome::Failed(Failure { message, ..failure }));
        }
        let wait = full_jitter(FIRST_WAIT, LONGEST_WAIT, failures);
        tracing::warn!(
            code = failure.code,
            error = failure.message,
            failures,
            wait_s = wait.as_secs(),
            "failed; will be tried again"
        );
        Err(End::Later(wait))
    }

    fn not_counted(&self, error: &LedgerError) -> End {
        tracing::error!(%error, worker = self.worker, "the failure is not counted; the message goes back");
        End::Later(full_jitter(FIRST_WAIT, LONGEST_WAIT, 1))
    }

    fn deferred(&self, why: &Deferral, receives: u32) -> End {
        match why {
            Deferral::UnknownTask => {
                tracing::error!(
                    worker = self.worker,
                    "the ledger has no such task; does TILEFLEET_TABLE name the table that the producer used?"
                );
                End::Later(UNKNOWN_WAIT)
            }
            Deferral::NoticeHeld { until } => {
                let left = until.saturating_sub(jiff::Timestamp::now().as_second()).max(0);
                End::Later(Duration::from_secs(u64::try_from(left).unwrap_or(0) + 1))
            }
            Deferral::NoticeFailed => {
                End::Later(full_jitter(FIRST_WAIT, LONGEST_WAIT, receives) + FIRST_WAIT)
            }
        }
    }

    async fn end(&self, queue: &Queue, received: &Received, end: End) {
        let ended = match end {
            End::Delete => queue.delete(&received.receipt).await,
            End::Later(wait) => queue.hide(&received.receipt, wait).await,
            End::Lost => Ok(()),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, ?end, "the queue did not take it; the message comes again, which does no harm");
        } else if end == End::Delete {
            tracing::debug!("message deleted");
        }
    }
}
