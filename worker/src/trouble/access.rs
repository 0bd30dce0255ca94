//! Which buckets this worker has used.
//!
//! Denied access can be anybody's fault: a mistyped key (S3 denies a missing object to those who may
//! not list the bucket), a worker without the right, or a task whose bucket no worker may read. A
//! worker that has used the bucket before knows that it is the cell.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tilefleet_common::ledger::Ledger;
use tilefleet_common::ledger::transition::{self, BucketUse};
use tilefleet_common::tracker::rfc3339;

/// The buckets that this worker has used.
#[derive(Debug)]
pub struct KnownBuckets {
    ledger: Ledger,
    used: Mutex<HashSet<(BucketUse, String)>>,
}

impl KnownBuckets {
    /// None yet. The first use of each is noted in `ledger`, for other workers.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            used: Mutex::default(),
        }
    }

    /// The worker has used the bucket. The note goes out in the background: no cell waits for it.
    pub fn set_used(&self, usage: BucketUse, bucket: &str) {
        if self.has_used(usage, bucket) {
            return;
        }
        self.used().insert((usage, bucket.to_owned()));
        let now = Timestamp::now();
        let note = transition::note_bucket(bucket, usage, &rfc3339(now), now.as_second());
        let (ledger, bucket) = (self.ledger.clone(), bucket.to_owned());
        tokio::spawn(async move {
            if let Err(error) = ledger.write(&note).await {
                tracing::warn!(%error, bucket, "the use of a bucket is not noted");
            }
        });
    }

    /// Whether the worker has used the bucket before.
    pub fn has_used(&self, usage: BucketUse, bucket: &str) -> bool {
        self.used().contains(&(usage, bucket.to_owned()))
    }

    fn used(&self) -> MutexGuard<'_, HashSet<(BucketUse, String)>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
