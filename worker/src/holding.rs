//! The life of one message in a worker's hands, from its receive to its end.

use std::time::Duration;

use tilefleet_common::aws::{DeleteBatcher, Queue, QueueError, Received, full_jitter};
use tilefleet_common::domain::CellMessage;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::attribute::FAILURES;
use tilefleet_common::ledger::flow::{Deferral, Outcome, Step};
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_common::ledger::{Answer, CellRecord, Key, LedgerError, Value};
use tilefleet_common::tracker::{Tracker, rfc3339};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::isolation::{self, Isolation, Turn};
use crate::lease::Lease;
use crate::poison::Poison;
use crate::work::{WorkError, Workshop};

/// The wait after the first failure that may pass; it doubles with each, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// The wait before a message is looked at again whose task is unknown, or that cannot be read.
/// Receives send such a message to the dead-letter queue in the end, for a person to look at.
const UNKNOWN_WAIT: Duration = Duration::from_mins(1);
/// How long a message that is handed back waits for its interruption to be counted.
const COUNTING: Duration = Duration::from_millis(500);

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
    /// Workers that may die of a cell, before it is given up.
    pub max_crashes: u32,
    /// Who may work beside whom.
    pub isolation: Isolation,
    /// Keeps messages that are no cells.
    pub poison: Poison,
    /// Deletes from the queue of cells.
    pub deletions: DeleteBatcher,
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
    /// Brings a message received at `since` to its end. Never fails: what cannot be done now is
    /// done on redelivery.
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
                let end = self.poisoned(queue, &received, &error).await;
                self.end(source, queue, &received, end).await;
                return;
            }
        };
        fault::point_of(Point::Receive, &message.cell.id);
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
            let end = self
                .carry(source, &ticket, &message, &received, lease.lost())
                .await;
            drop(lease);
            self.end(source, queue, &received, end).await;
            if end == End::Delete {
                fault::point_of(Point::Delete, &ticket.cell);
            }
        }
        .instrument(span)
        .await;
    }

    /// A message that is no cell will never be one: it is kept elsewhere and deleted, or else left
    /// to the queue.
    async fn poisoned(&self, queue: &Queue, received: &Received, error: &serde_json::Error) -> End {
        let (worker, message, tries) = (&self.worker, &received.id, received.receives);
        let later = End::Later(UNKNOWN_WAIT.saturating_mul(tries));
        match self.poison.keep(received, queue.url(), worker, error).await {
            Ok(Some(kept)) => {
                fault::point(Point::Quarantine);
                let poison = self.poison.kept();
                tracing::error!(
                    worker, message, tries, %error, %kept, poison, "the message is no cell; it is kept and removed"
                );
                End::Delete
            }
            Ok(None) => {
                tracing::error!(
                    worker, message, tries, %error,
                    "the message is no cell; it is left for the dead-letter queue, as --poison names no place to keep it"
                );
                later
            }
            Err(trouble) => {
                tracing::error!(
                    worker, message, tries, %error, %trouble,
                    "the message is no cell and cannot be kept; it goes back"
                );
                later
            }
        }
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
        // Kept to the end of this function.
        let mut turn: Option<Turn> = None;
        loop {
            step = match step {
                Step::Delete => return End::Delete,
                Step::Defer(why) => return self.deferred(&why, received.receives),
                Step::Work if source == Source::Cells => {
                    match self.work(ticket, message, lost).await {
                        Ok(outcome) => Step::Record(outcome),
                        Err(end) => return end,
                    }
                }
                Step::Start if source == Source::Cells && turn.is_none() => {
                    match self.admit(ticket, received, lost).await {
                        Ok(Ok(admitted)) => {
                            turn = Some(admitted);
                            Step::Start
                        }
                        Ok(Err(failure)) => Step::Record(Outcome::Failed(failure)),
                        Err(end) => return end,
                    }
                }
                step => match self.advance(source, ticket, message, received, step).await {
                    Ok(next) => next,
                    Err(error) => {
                        tracing::error!(%error, "the ledger gave no answer; the message goes back");
                        return End::Later(full_jitter(
                            FIRST_WAIT,
                            LONGEST_WAIT,
                            received.receives,
                        ));
                    }
                },
            };
            if lost.is_cancelled() {
                return End::Lost;
            }
        }
    }

    /// Whether the cell may begin, and beside which others: see [`crate::isolation`].
    async fn admit(
        &self,
        ticket: &Ticket,
        received: &Received,
        lost: &CancellationToken,
    ) -> Result<Result<Turn, Failure>, End> {
        let crashes = self.crashes(ticket, received).await;
        if crashes >= self.max_crashes {
            let failure = crashed(crashes);
            tracing::error!(code = failure.code, error = failure.message, "given up");
            return Ok(Err(failure));
        }
        if crashes > 0 {
            tracing::warn!(
                crashes,
                "workers that had the cell died or lost it; it is worked on alone"
            );
        }
        tokio::select! {
            turn = self.isolation.turn(crashes > 0) => Ok(Ok(turn)),
            () = lost.cancelled() => Err(End::Lost),
            () = self.workshop.shutdown.stop.cancelled() => {
                tracing::info!("interrupted; handed back before it began");
                Err(End::Later(Duration::ZERO))
            }
        }
    }

    /// How many workers died of the cell, as far as is known. A first receive costs no look at the
    /// ledger.
    async fn crashes(&self, ticket: &Ticket, received: &Received) -> u32 {
        if received.receives <= 1 {
            return 0;
        }
        let key = Key::Cell(ticket.task.clone(), ticket.shard, ticket.ordinal);
        match self.tracker.ledger().read(&key).await {
            // Nobody has begun it yet.
            Ok(None) => 0,
            Ok(Some(item)) => match CellRecord::from_item(&item) {
                Ok(record) => isolation::crashes(&record.story, received.receives),
                Err(error) => {
                    tracing::warn!(%error, "the cell's item cannot be read; trying the cell");
                    0
                }
            },
            Err(error) => {
                tracing::warn!(%error, "how often workers died of the cell is not known; trying it");
                0
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
                self.tracker
                    .advance_dead_letter(ticket, message.epoch, &received.id, step)
                    .await
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
                tracing::error!(
                    code = failure.code,
                    error = failure.message,
                    "failed for good"
                );
                Ok(Outcome::Failed(failure))
            }
            Err(WorkError::Retryable(failure)) => self.count_failure(ticket, failure).await,
            Err(WorkError::Interrupted) => {
                tracing::info!("interrupted; handed back");
                self.count_interruption(ticket).await;
                Err(End::Later(Duration::ZERO))
            }
            Err(WorkError::LeaseLost) => {
                self.count_interruption(ticket).await;
                Err(End::Lost)
            }
        }
    }

    /// Told before the message is visible again, so that nobody takes the interruption for a crash;
    /// but nobody waits for it long.
    async fn count_interruption(&self, ticket: &Ticket) {
        let write = transition::count_interruption(ticket);
        match tokio::time::timeout(COUNTING, self.tracker.ledger().write(&write)).await {
            Ok(Ok(_)) => fault::point_of(Point::CountInterruption, &ticket.cell),
            Ok(Err(error)) => tracing::warn!(%error, "the interruption is not counted"),
            Err(_) => tracing::warn!("the interruption is not counted in time"),
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
        fault::point_of(Point::CountFailure, &ticket.cell);
        if failures >= self.max_failures {
            tracing::error!(
                code = failure.code,
                error = failure.message,
                failures,
                "failed too often"
            );
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
                let left = until
                    .saturating_sub(jiff::Timestamp::now().as_second())
                    .max(0);
                End::Later(Duration::from_secs(u64::try_from(left).unwrap_or(0) + 1))
            }
            Deferral::NoticeFailed => {
                End::Later(full_jitter(FIRST_WAIT, LONGEST_WAIT, receives) + FIRST_WAIT)
            }
        }
    }

    async fn end(&self, source: Source, queue: &Queue, received: &Received, end: End) {
        let ended = match end {
            End::Delete if source == Source::Cells => {
                self.deletions.delete(received.receipt.clone()).await
            }
            End::Delete => queue
                .delete(&received.receipt)
                .await
                .map_err(QueueError::from),
            End::Later(wait) => queue
                .hide(&received.receipt, fault::shortened(wait))
                .await
                .map_err(QueueError::from),
            End::Lost => Ok(()),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, ?end, "the queue did not take it; the message comes again, which does no harm");
        } else if end == End::Delete {
            tracing::debug!("message deleted");
        }
    }
}

fn crashed(crashes: u32) -> Failure {
    Failure {
        code: "crashed".to_owned(),
        message: format!(
            "{crashes} workers began the cell and died or lost it, so it is not tried again; look for the cell in the \
             workers' logs: too little memory, or a fault of the decoder"
        ),
    }
}
