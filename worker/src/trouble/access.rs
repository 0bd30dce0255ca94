//! Which buckets this worker has used.
//!
//! Denied access can be anybody's fault: a mistyped key (S3 denies a missing object to those who may
//! not list the bucket), a worker without the right, or a task whose bucket no worker may read. A
//! worker that has used the bucket before knows that it is the cell.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tilefleet_common::ledger::Ledger;
use tilefleet_common::ledger::transition::{self, BucketUse};
use tilefleet_common::tracker::rfc3339;
use tokio::time::Instant;

/// How often the use of a bucket is noted for other workers.
const NOTED_EVERY: Duration = Duration::from_mins(10);
/// Cells that are denied a known bucket in a row, after which it does not count as known: the right
/// was taken away, and no further cell is to blame.
const MAX_IN_A_ROW: u32 = 3;

/// The buckets that this worker has used.
#[derive(Debug)]
pub struct KnownBuckets {
    ledger: Ledger,
    used: Mutex<HashMap<(BucketUse, String), Known>>,
}

#[derive(Debug)]
struct Known {
    noted: Instant,
    denied_in_a_row: u32,
}

impl KnownBuckets {
    /// None yet. The use of each is noted in `ledger`, for other workers.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            used: Mutex::default(),
        }
    }

    /// The worker has used the bucket. The note goes out in the background: no cell waits for it.
    pub fn set_used(&self, usage: BucketUse, bucket: &str) {
        let now = Instant::now();
        let mut used = self.used();
        let key = (usage, bucket.to_owned());
        if let Some(known) = used.get_mut(&key) {
            known.denied_in_a_row = 0;
            if known.noted.elapsed() < NOTED_EVERY {
                return;
            }
        }
        used.insert(
            key,
            Known {
                noted: now,
                denied_in_a_row: 0,
            },
        );
        drop(used);
        let now = Timestamp::now();
        let note = transition::note_bucket(bucket, usage, &rfc3339(now), now.as_second());
        let (ledger, bucket) = (self.ledger.clone(), bucket.to_owned());
        tokio::spawn(async move {
            if let Err(error) = ledger.write(&note).await {
                tracing::warn!(%error, bucket, "the use of a bucket is not noted");
            }
        });
    }

    /// A cell was denied the bucket. Returns whether that is the cell's fault: the worker has used
    /// the bucket before, and not many cells in a row were denied it.
    pub fn is_cells_fault(&self, usage: BucketUse, bucket: &str) -> bool {
        let mut used = self.used();
        let key = (usage, bucket.to_owned());
        let Some(known) = used.get_mut(&key) else {
            return false;
        };
        known.denied_in_a_row += 1;
        if known.denied_in_a_row < MAX_IN_A_ROW {
            return true;
        }
        used.remove(&key);
        false
    }

    fn used(&self) -> MutexGuard<'_, HashMap<(BucketUse, String), Known>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
