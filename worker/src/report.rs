//! What the worker says of itself in the ledger, for `status`, `watch`, `explain` and `doctor`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tilefleet_common::fault::shortened;
use tilefleet_common::ledger::Ledger;
use tilefleet_common::ledger::transition::{self, WorkerReport};
use tilefleet_common::tracker::rfc3339;
use tokio_util::sync::CancellationToken;

use crate::activity::Activities;
use crate::trouble::{Breakers, Dependency};

/// How often the item is written if no breaker opens or closes.
const INTERVAL: Duration = Duration::from_mins(1);
/// The time that the last write has.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes the worker's item: once a minute, and when a breaker opens or closes.
#[derive(Debug)]
pub struct Reporter {
    /// Where it is written.
    pub ledger: Ledger,
    /// The worker's group.
    pub group: String,
    /// The worker's name.
    pub worker: String,
    /// What it does.
    pub activities: Activities,
    /// What does not work.
    pub breakers: Arc<Breakers>,
}

impl Reporter {
    /// Writes while `work` goes on, and a last time after it.
    pub async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let ended = CancellationToken::new();
        let reporting = tokio::spawn(self.run(ended.clone()));
        let done = work.await;
        ended.cancel();
        // The task does not panic.
        let _ = reporting.await;
        done
    }

    async fn run(self, ended: CancellationToken) {
        let since = rfc3339(Timestamp::now());
        let mut changes = self.breakers.changes();
        loop {
            // The ledger's own breaker says that a write would only fail.
            if !self.breakers.is_open(&Dependency::Ledger) {
                self.write(&since).await;
            }
            tokio::select! {
                () = tokio::time::sleep(shortened(INTERVAL)) => {}
                news = changes.changed() => if news.is_err() { return },
                () = ended.cancelled() => {
                    let _ = tokio::time::timeout(LAST_TIMEOUT, self.write(&since)).await;
                    return;
                }
            }
        }
    }

    async fn write(&self, since: &str) {
        let now = Timestamp::now();
        let oldest = self.activities.oldest();
        let open = self.breakers.snapshot();
        let report = WorkerReport {
            group: &self.group,
            worker: &self.worker,
            since,
            held: u32::try_from(self.activities.len()).unwrap_or(u32::MAX),
            phase: oldest.as_ref().map(|(_, phase)| phase.name()),
            cell: oldest.as_ref().map(|(cell, _)| cell.clone()),
            // Strings and times always have a JSON form.
            breakers: (!open.is_empty()).then(|| serde_json::to_string(&open).unwrap_or_default()),
            last_error: self.breakers.last_error(),
        };
        let write = transition::report_worker(&report, &rfc3339(now), now.as_second());
        if let Err(error) = self.ledger.write(&write).await {
            tracing::debug!(%error, "the worker's item is not written");
        }
    }
}
