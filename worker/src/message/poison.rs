//! Poison messages, which no worker can ever handle: malformed ones, and dead letters of unknown
//! tasks. Each is copied to a place where a person can look at it, and then deleted.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tilefleet_common::aws::{AwsError, Existing, ObjectStore, Received, Upload};
use tilefleet_common::domain::S3Url;

/// The place of the copies, and their number.
#[derive(Debug)]
pub struct PoisonStore {
    objects: ObjectStore,
    prefix: Option<S3Url>,
    kept: AtomicU64,
}

/// The copy of a message, as JSON.
#[derive(Serialize)]
struct PoisonRecord<'a> {
    message_id: &'a str,
    queue: &'a str,
    receives: u32,
    worker: &'a str,
    kept_at: String,
    error: String,
    body: &'a str,
}

impl PoisonStore {
    /// Copies go below `prefix`; without one there are none.
    pub fn new(objects: ObjectStore, prefix: Option<S3Url>) -> Self {
        Self {
            objects,
            prefix,
            kept: AtomicU64::new(0),
        }
    }

    /// How many copies this worker has made.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Copies a message to `<prefix>/<message id>.json`; the same message again is the same object.
    /// Returns its address, or nothing without a prefix.
    ///
    /// # Errors
    /// [`AwsError`] when the copy could not be written; then the message must stay in its queue.
    pub async fn keep(
        &self,
        received: &Received,
        queue: &str,
        worker: &str,
        error: &(dyn Display + Sync),
    ) -> Result<Option<S3Url>, AwsError> {
        let Some(prefix) = &self.prefix else {
            return Ok(None);
        };
        let address = prefix.join(&format!("{}.json", received.id));
        let record = PoisonRecord {
            message_id: &received.id,
            queue,
            receives: received.receives,
            worker,
            kept_at: tilefleet_common::tracker::rfc3339(jiff::Timestamp::now()),
            error: error.to_string(),
            body: &received.body,
        };
        // It has no maps and no floats, so it always has a JSON form.
        let text = serde_json::to_vec(&record).unwrap_or_default();
        let mut upload = Upload::begin(
            &self.objects,
            &address,
            None,
            "application/json",
            Existing::Replace,
        );
        upload.write(&text).await?;
        Box::pin(upload.finish()).await?;
        self.kept.fetch_add(1, Ordering::Relaxed);
        Ok(Some(address))
    }
}
