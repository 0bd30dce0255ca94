//! How many attempts a cell has: its failures and crashes are counted in its item of the ledger.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tilefleet_common::aws::delay_after;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::attribute::FAILURES;
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_common::ledger::{Answer, CellHistory, Ledger, LedgerError, Value};
use tilefleet_common::tracker::rfc3339;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::delivery::Delivery;
use super::disposition::backoff;
use super::isolation;

/// How long a message that is handed back waits for its interruption to be counted.
const COUNT_TIMEOUT: Duration = Duration::from_millis(500);
/// Bounds of the wait between two attempts to count it.
const FIRST_COUNT_WAIT: Duration = Duration::from_secs(1);
const MAX_COUNT_WAIT: Duration = Duration::from_mins(1);

/// Interruptions that the ledger has not counted yet.
#[derive(Debug, Clone, Default)]
pub struct Uncounted(Arc<Mutex<JoinSet<()>>>);

impl Uncounted {
    fn spawn(&self, counting: impl Future<Output = ()> + Send + 'static) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are counted need not be kept.
        while all.try_join_next().is_some() {}
        all.spawn(counting);
    }

    /// Waits until all are counted. None may be added any more.
    pub async fn wait(&self) {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while all.join_next().await.is_some() {}
    }
}

/// The failures and crashes that a cell may have.
#[derive(Debug)]
pub struct AttemptBudget {
    /// Where they are counted.
    pub ledger: Ledger,
    /// Retryable failures before a cell fails for good.
    pub max_failures: u32,
    /// Workers that die of a cell before it fails for good.
    pub max_crashes: u32,
    /// Interruptions that are not counted yet.
    pub uncounted: Uncounted,
}

/// What follows a retryable failure.
#[derive(Debug)]
pub(super) enum AfterFailure {
    /// The cell is attempted again after this wait.
    Retry(Duration),
    /// It has failed for good.
    Fail(Failure),
}

impl AttemptBudget {
    /// The number of workers that died of the cell, as far as it is known. The first receive of a
    /// message that was never sent again costs no read of the ledger.
    pub(super) async fn crashes(&self, delivery: &Delivery<'_>) -> u32 {
        let (ticket, receives) = (&delivery.ticket, delivery.received.receives);
        let resent = delivery.message.resent > 0;
        if receives <= 1 && !resent {
            return 0;
        }
        match self.history(ticket).await {
            Ok(history) => {
                let bound = (!resent).then_some(receives);
                isolation::crashes(&history, ticket.reopened, bound)
            }
            Err(error) => {
                tracing::warn!(%error, "the number of crashes is unknown; attempting the cell");
                0
            }
        }
    }

    /// What happened to the cell so far; nothing, if no worker has begun it.
    ///
    /// # Errors
    /// [`LedgerError`] when its item cannot be read.
    pub(super) async fn history(&self, ticket: &Ticket) -> Result<CellHistory, LedgerError> {
        let shard = ticket.shard;
        let cells = [(shard, ticket.ordinal)];
        let mut cells = self.ledger.some_cells(&ticket.task, cells).await?;
        let cell = cells.remove(&ticket.ordinal);
        Ok(cell.map(|cell| cell.history).unwrap_or_default())
    }

    /// The failure of a cell of whose message the queue gave up, if its own attempts are used up.
    pub(super) fn used_up(&self, history: &CellHistory, reopened: u32) -> Option<Failure> {
        if history.reopened == reopened && history.failures >= self.max_failures {
            let code = history.error_code.clone();
            let message = history.error_message.clone().unwrap_or_default();
            return Some(Failure {
                code: code.unwrap_or_else(|| "dead_lettered".to_owned()),
                message: format!("{message} ({} attempts)", history.failures),
            });
        }
        self.too_many_crashes(isolation::crashes(history, reopened, None))
    }

    /// The failure of a cell that so many workers died of, if these are too many.
    pub(super) fn too_many_crashes(&self, crashes: u32) -> Option<Failure> {
        (crashes >= self.max_crashes).then(|| Failure {
            code: "crashed".to_owned(),
            message: format!(
                "{crashes} workers died or lost the message while they had the cell, so it is not retried; look for \
                 the cell in the workers' logs: too little memory, or a bug of the decoder"
            ),
        })
    }

    /// Counts a retryable failure.
    ///
    /// # Errors
    /// [`LedgerError`] when it could not be counted.
    pub(super) async fn count_failure(
        &self,
        ticket: &Ticket,
        failure: Failure,
    ) -> Result<AfterFailure, LedgerError> {
        let now = rfc3339(jiff::Timestamp::now());
        let write = transition::count_failure(ticket, &failure, &now);
        let failures = match self.ledger.write(&write).await? {
            Answer::Applied(item) => match item.get(FAILURES) {
                Some(Value::Number(failures)) => u32::try_from(*failures).unwrap_or(u32::MAX),
                _ => 1,
            },
            // Another worker succeeded meanwhile: the flow finds that out and closes the cell.
            Answer::Refused(_) => return Ok(AfterFailure::Fail(failure)),
        };
        fault::point_of(Point::CountFailure, &ticket.cell);
        let Failure { code, message } = failure;
        if failures >= self.max_failures {
            tracing::error!(code, error = message, failures, "failed too often");
            let message = format!("{message} ({failures} attempts)");
            return Ok(AfterFailure::Fail(Failure { code, message }));
        }
        let wait = backoff(failures);
        tracing::warn!(
            code,
            error = message,
            failures,
            wait_s = wait.as_secs(),
            "failed; will be retried"
        );
        Ok(AfterFailure::Retry(wait))
    }

    /// Counts an interruption: before the message is visible again, so that no worker takes it for
    /// a crash, but the message does not wait long for it.
    ///
    /// If the ledger does not answer in time, the count goes on in the background, for as long as
    /// the process lives: an attempt without an end would look like a crash.
    pub(super) async fn count_interruption(&self, ticket: &Ticket) {
        let (ledger, cell) = (self.ledger.clone(), ticket.cell);
        let write = transition::count_interruption(ticket);
        let (counted, counting) = oneshot::channel();
        self.uncounted.spawn(async move {
            for failures in 0_u32.. {
                match ledger.write(&write).await {
                    Ok(_) => break,
                    Err(error) => tracing::warn!(%error, "the interruption is not counted yet"),
                }
                let wait = delay_after(FIRST_COUNT_WAIT, MAX_COUNT_WAIT, failures);
                tokio::time::sleep(fault::shortened(wait)).await;
            }
            fault::point_of(Point::CountInterruption, &cell);
            // Nobody may wait for it any more.
            let _ = counted.send(());
        });
        if tokio::time::timeout(COUNT_TIMEOUT, counting).await.is_err() {
            tracing::warn!("the interruption is not counted in time");
        }
    }
}
