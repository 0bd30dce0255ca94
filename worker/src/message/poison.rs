//! Messages that are no cells: kept where a person can look at them, and taken out of the queue.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tilefleet_common::aws::{AwsError, Existing, ObjectStore, Received, Upload};
use tilefleet_common::domain::S3Url;

/// Where they are kept, and how many there were.
#[derive(Debug)]
pub struct Poison {
    objects: ObjectStore,
    place: Option<S3Url>,
    kept: AtomicU64,
}

/// A message as it is kept.
#[derive(Serialize)]
struct Copy<'a> {
    message_id: &'a str,
    queue: &'a str,
    receives: u32,
    worker: &'a str,
    kept_at: String,
    error: String,
    body: &'a str,
}

impl Poison {
    /// Keeps them below `place`; without one nothing is kept.
    pub fn new(objects: ObjectStore, place: Option<S3Url>) -> Self {
        Self {
            objects,
            place,
            kept: AtomicU64::new(0),
        }
    }

    /// How many this worker has kept.
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Copies a message to `<place>/<message id>.json`; the same message again is the same object.
    /// Answers where it is, or nothing when there is no place.
    ///
    /// # Errors
    /// [`AwsError`] when it could not be written; the message must stay in its queue then.
    pub async fn keep(
        &self,
        received: &Received,
        queue: &str,
        worker: &str,
        error: &serde_json::Error,
    ) -> Result<Option<S3Url>, AwsError> {
        let Some(place) = &self.place else {
            return Ok(None);
        };
        let address = place.join(&format!("{}.json", received.id));
        let copy = Copy {
            message_id: &received.id,
            queue,
            receives: received.receives,
            worker,
            kept_at: tilefleet_common::tracker::rfc3339(jiff::Timestamp::now()),
            error: error.to_string(),
            body: &received.body,
        };
        // It has no maps and no floats, so it always has a JSON form.
        let text = serde_json::to_vec(&copy).unwrap_or_default();
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
