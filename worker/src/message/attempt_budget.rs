//! How many attempts a cell has: its failures and crashes are counted in its item of the ledger.

use std::time::Duration;

use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::attribute::FAILURES;
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_common::ledger::{Answer, CellRecord, Key, Ledger, LedgerError, Value};
use tilefleet_common::tracker::rfc3339;

use super::disposition::backoff;
use super::isolation;

/// How long a message that is handed back waits for its interruption to be counted.
const COUNT_TIMEOUT: Duration = Duration::from_millis(500);

/// The failures and crashes that a cell may have.
#[derive(Debug)]
pub struct AttemptBudget {
    /// Where they are counted.
    pub ledger: Ledger,
    /// Retryable failures before a cell fails for good.
    pub max_failures: u32,
    /// Workers that die of a cell before it fails for good.
    pub max_crashes: u32,
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
    /// message costs no read of the ledger.
    pub(super) async fn crashes(&self, ticket: &Ticket, receives: u32) -> u32 {
        if receives <= 1 {
            return 0;
        }
        let key = Key::Cell(ticket.task.clone(), ticket.shard, ticket.ordinal);
        match self.ledger.read(&key).await {
            // No worker has begun it yet.
            Ok(None) => 0,
            Ok(Some(item)) => match CellRecord::from_item(&item) {
                Ok(record) => isolation::crashes(&record.story, receives),
                Err(error) => {
                    tracing::warn!(%error, "the cell's item cannot be read; attempting the cell");
                    0
                }
            },
            Err(error) => {
                tracing::warn!(%error, "the number of crashes is unknown; attempting the cell");
                0
            }
        }
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
    pub(super) async fn count_interruption(&self, ticket: &Ticket) {
        let write = transition::count_interruption(ticket);
        match tokio::time::timeout(COUNT_TIMEOUT, self.ledger.write(&write)).await {
            Ok(Ok(_)) => fault::point_of(Point::CountInterruption, &ticket.cell),
            Ok(Err(error)) => tracing::warn!(%error, "the interruption is not counted"),
            Err(_) => tracing::warn!("the interruption is not counted in time"),
        }
    }
}
