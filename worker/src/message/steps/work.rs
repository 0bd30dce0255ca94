//! Step 5: the work on a cell, and what follows when there is no raster.

use std::sync::Arc;
use std::time::Duration;

use tilefleet_common::aws::delay_after;
use tilefleet_common::domain::{Area, Job};
use tilefleet_common::ledger::NoRaster;
use tilefleet_common::ledger::flow::Outcome;
use tilefleet_common::ledger::transition::Failure;

use crate::cell::{CellError, Extent};
use crate::message::attempt_budget::AfterFailure;
use crate::message::delivery::Delivery;
use crate::message::disposition::Disposition;
use crate::message::handler::MessageHandler;
use crate::trouble::{Blame, Dependency, Trouble, bucket_wait};

/// The least wait for a larger machine, and what is added to it at random.
const MIN_LARGER_WAIT: Duration = Duration::from_mins(1);
const LARGER_SPREAD: Duration = Duration::from_mins(4);
/// Bounds of the wait for another machine.
const FIRST_MACHINE_WAIT: Duration = Duration::from_secs(1);
const MAX_MACHINE_WAIT: Duration = Duration::from_mins(5);

impl MessageHandler {
    /// Processes the cell. What is the cell's fault is charged to it; everything else is counted as
    /// an interruption.
    pub(super) async fn process(
        &self,
        delivery: &Delivery<'_>,
        job: &Job,
        area: Option<Arc<Area>>,
    ) -> Result<Outcome, Disposition> {
        tracing::info!("begun");
        let cell = &delivery.message.cell;
        let activity = &delivery.activity;
        let extent = Extent {
            scope: delivery.message.scope.clone(),
            area,
        };
        let processing = self
            .processor
            .process(cell, job, extent, activity, delivery.lease_lost);
        // A success also shows that the cell's buckets work.
        let error = match processing.await {
            Ok(success) => {
                let sizes = success.artefacts.iter().map(|artefact| artefact.bytes);
                let bytes: u64 = sizes.sum();
                tracing::info!(
                    output = %success.output, artefacts = success.artefacts.len(), bytes, fetch_ms = success.fetch_ms,
                    fuse_ms = success.fuse_ms, publish_ms = success.publish_ms,
                    without_raster = success.without_raster.map(NoRaster::name),
                    "{}", if success.without_raster.is_none() { "published" } else { "ended without a raster" }
                );
                self.close_bucket_breakers(delivery);
                return Ok(Outcome::Ok(success));
            }
            Err(error) => error,
        };
        // Charge the cell with what is its own, and hand back everything else.
        match error {
            CellError::Permanent(failure) => Ok(failed_for_good(failure)),
            CellError::Denied {
                access,
                bucket,
                failure,
            } => {
                if self.processor.known.is_cells_fault(access, &bucket) {
                    return Ok(failed_for_good(failure));
                }
                let denied = self.denied(delivery, access, &bucket, &failure);
                Err(self.hand_back(delivery, denied.await).await)
            }
            CellError::Retryable(failure) => self.charge(delivery, failure).await,
            CellError::Trouble(trouble) => {
                let wait = self.trouble(&trouble);
                Err(self.hand_back(delivery, wait).await)
            }
            CellError::NeedsLargerMachine(failure) => {
                tracing::warn!(error = failure.message, "handed back for a larger machine");
                let wait = MIN_LARGER_WAIT + delay_after(LARGER_SPREAD, LARGER_SPREAD, 0);
                Err(self.hand_back(delivery, wait).await)
            }
            CellError::Interrupted => {
                tracing::info!("interrupted; handed back");
                Err(self.hand_back(delivery, Duration::ZERO).await)
            }
            CellError::LeaseLost => {
                self.budget.count_interruption(&delivery.ticket).await;
                Err(Disposition::LeaveAlone)
            }
        }
    }

    /// Counts a failure of the cell that another attempt may not have.
    async fn charge(
        &self,
        delivery: &Delivery<'_>,
        failure: Failure,
    ) -> Result<Outcome, Disposition> {
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

    /// Nobody is charged with this attempt.
    async fn hand_back(&self, delivery: &Delivery<'_>, wait: Duration) -> Disposition {
        self.budget.count_interruption(&delivery.ticket).await;
        Disposition::ReleaseAfter(wait)
    }

    /// Opens the breaker of what does not work. Returns how long the cell waits in the queue: it is
    /// somebody else's at once if only this machine is to blame.
    pub(super) fn trouble(&self, trouble: &Trouble) -> Duration {
        self.breakers.trip(trouble);
        let wait = match trouble.blame {
            // Another machine has it at once, but not this one again and again.
            Blame::Machine => {
                let failures = self.breakers.failures(&trouble.dependency);
                delay_after(FIRST_MACHINE_WAIT, MAX_MACHINE_WAIT, failures)
            }
            Blame::Deployment | Blame::Service => bucket_wait(0),
        };
        tracing::warn!(
            dependency = %trouble.dependency, blame = trouble.blame.name(), error = trouble.message, wait_s = wait.as_secs(),
            "it is not the cell's fault; handed back"
        );
        wait
    }

    /// The cell's buckets work.
    fn close_bucket_breakers(&self, delivery: &Delivery<'_>) {
        let cell = &delivery.message.cell;
        let buckets = cell.assets.values().chain([&cell.output]);
        for bucket in buckets {
            let bucket = Dependency::Bucket(bucket.bucket().to_owned());
            self.breakers.close(&bucket);
        }
        self.breakers.close(&Dependency::Output);
    }
}

fn failed_for_good(failure: Failure) -> Outcome {
    tracing::error!(
        code = failure.code,
        error = failure.message,
        "failed for good"
    );
    Outcome::Failed(failure)
}
