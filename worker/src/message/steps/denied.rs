//! Denied access to a bucket that this worker has never used.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tilefleet_common::ledger::transition::{self, BucketUse, Failure};
use tilefleet_common::ledger::{Answer, Key, LedgerError, Value, attribute};
use tilefleet_common::tracker::rfc3339;

use crate::message::delivery::Delivery;
use crate::message::handler::MessageHandler;
use crate::trouble::{Blame, Dependency, Trouble, bucket_wait};

/// Denials of one bucket after which no worker is expected to get in.
const MAX_DENIALS: i64 = 3;
/// Whoever can use a bucket says so every ten minutes.
const RECENT: SignedDuration = SignedDuration::from_mins(30);

impl MessageHandler {
    /// Opens the bucket's breaker, so that no other cell tries in vain, and counts the denial. The
    /// task is stopped if no worker has ever used the bucket. Returns how long the cell waits.
    pub(super) async fn denied(
        &self,
        delivery: &Delivery<'_>,
        access: BucketUse,
        bucket: &str,
        failure: &Failure,
    ) -> Duration {
        let is_news = self.breakers.trip(&Trouble {
            blame: Blame::Deployment,
            dependency: Dependency::Bucket(bucket.to_owned()),
            message: failure.message.clone(),
        });
        let wait = bucket_wait(0);
        tracing::warn!(
            bucket,
            ?access,
            error = failure.message,
            wait_s = wait.as_secs(),
            "this worker has never used the bucket; the cell is handed back for another worker"
        );
        if is_news && let Err(error) = self.count_denial(delivery, access, bucket, failure).await {
            tracing::warn!(%error, bucket, "the denial is not counted");
        }
        wait
    }

    async fn count_denial(
        &self,
        delivery: &Delivery<'_>,
        access: BucketUse,
        bucket: &str,
        failure: &Failure,
    ) -> Result<(), LedgerError> {
        let (ledger, task) = (self.tracker.ledger(), &delivery.ticket.task);
        // A task that was stopped and resumed starts from zero.
        let stops = ledger.task(task).await?.map_or(0, |record| record.cancels);
        let count = transition::count_denial(&delivery.ticket, stops, bucket);
        let denials = match ledger.write(&count).await? {
            Answer::Applied(item) => match item.get(attribute::DENIALS) {
                Some(Value::Number(denials)) => *denials,
                _ => 0,
            },
            Answer::Refused(_) => 0,
        };
        if denials < MAX_DENIALS {
            return Ok(());
        }
        // Somebody gets in: this worker lacks a right, and others will do the cell.
        let (used, verb) = match access {
            BucketUse::Read => (attribute::READ_AT, "read"),
            BucketUse::Write => (attribute::WRITTEN_AT, "write"),
        };
        let known = ledger.read(&Key::Bucket(bucket.to_owned())).await?;
        let used_at = known.as_ref().and_then(|item| item.get(used));
        if let Some(Value::Text(used_at)) = used_at
            && is_recent(used_at)
        {
            return Ok(());
        }
        let reason = format!("no worker can {verb} bucket {bucket}: {}", failure.message);
        let now = Timestamp::now();
        // The notice is free at once: the next worker that reads the task sends it.
        let free = now.as_second().saturating_sub(1);
        let cancel = transition::cancel_task(task, &reason, &rfc3339(now), free);
        let stopped = ledger.write(&cancel).await?;
        if matches!(stopped, Answer::Applied(_)) {
            tracing::error!(reason, "the task is stopped");
        }
        Ok(())
    }
}

fn is_recent(moment: &str) -> bool {
    let moment: Result<Timestamp, _> = moment.parse();
    moment.is_ok_and(|moment| Timestamp::now().duration_since(moment) < RECENT)
}
