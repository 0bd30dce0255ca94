//! Which object an upload writes, and the request that writes it at once.

use std::error::Error;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;
use tokio::time::Instant;

use crate::aws::error::AwsError;
use crate::aws::retry::{RetryBudget, delay_after};
use crate::aws::s3::regions::RegionalClient;
use crate::aws::s3::store::ObjectStore;
use crate::aws::timeouts;
use crate::domain::S3Url;
use crate::fault;

/// Attempts of a request that collides with another one on the same object.
const CONFLICT_ATTEMPTS: u32 = 6;
/// The delay after the first of them.
const CONFLICT_DELAY: Duration = Duration::from_millis(100);

/// Bounds of the wait between two attempts while an outage of S3 is waited out.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_mins(1);

/// A configuration for one request, with limits of its own.
pub(super) fn within(timeouts: TimeoutConfig) -> Builder {
    aws_sdk_s3::Config::builder().timeout_config(timeouts)
}

/// What to do with an object that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Replace it.
    Replace,
    /// Keep it (`If-None-Match: *`; S3 user guide, "Conditional writes").
    Keep,
}

/// How an upload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The object is stored.
    New {
        /// Its entity tag.
        etag: String,
        /// Its length in bytes.
        bytes: u64,
    },
    /// An object existed and was kept.
    Kept,
}

/// The object that an upload writes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) store: ObjectStore,
    pub(super) object: S3Url,
    /// The region of the bucket, as far as the caller knows.
    pub(super) region: Option<String>,
    pub(super) content_type: &'static str,
    existing: Existing,
    /// How long a request is repeated that S3 does not answer, beyond the SDK's own attempts.
    patience: Duration,
}

impl Target {
    /// `object`, whose bucket is in `region`, or in the fleet's own if that is `None`.
    pub(super) fn new(
        store: &ObjectStore,
        object: &S3Url,
        region: Option<&str>,
        content_type: &'static str,
        existing: Existing,
    ) -> Self {
        Self {
            store: store.clone(),
            object: object.clone(),
            region: region.map(str::to_owned),
            content_type,
            existing,
            patience: Duration::ZERO,
        }
    }

    /// The same object, for which an outage of S3 is waited out for up to `patience`.
    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Makes the attempt, and repeats it as long as S3 does not answer and the patience lasts.
    pub(super) async fn patiently<T, A: Future<Output = Result<T, AwsError>>>(
        &self,
        attempt: impl Fn() -> A,
    ) -> Result<T, AwsError> {
        let since = Instant::now();
        for failures in 0_u32.. {
            match attempt().await {
                Err(error) if error.is_retryable() && since.elapsed() < self.patience => {
                    tracing::warn!(%error, failures, "the upload waits");
                }
                done => return done,
            }
            let wait = delay_after(FIRST_WAIT, MAX_WAIT, failures);
            tokio::time::sleep(fault::shortened(wait)).await;
        }
        attempt().await
    }

    /// The value of `If-None-Match` for the request that makes the object visible.
    pub(super) fn if_none_match(&self) -> Option<String> {
        (self.existing == Existing::Keep).then(|| "*".to_owned())
    }

    /// The error of a request of an upload that `client` has begun.
    pub(super) fn failure<E>(
        &self,
        operation: &'static str,
        client: &RegionalClient,
        error: &SdkError<E, HttpResponse>,
    ) -> AwsError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let regions = &self.store.regions;
        regions.failure(operation, &self.object, client, error)
    }

    /// [`Stored::Kept`] if `error` says that the object exists and it is to be kept.
    pub(super) fn kept_or(&self, error: AwsError) -> Result<Stored, AwsError> {
        let is_kept = self.existing == Existing::Keep && error.code() == Some("PreconditionFailed");
        if is_kept {
            Ok(Stored::Kept)
        } else {
            Err(error)
        }
    }

    /// Writes the object by one request, which carries a CRC-32 that S3 checks. It is sent again
    /// while it collides with another one on the same object (S3 user guide, "Conditional writes").
    pub(super) async fn put(&self, bytes: Bytes) -> Result<Stored, AwsError> {
        let mut retries = RetryBudget::new(CONFLICT_ATTEMPTS, CONFLICT_DELAY);
        loop {
            match self.patiently(|| self.put_once(&bytes)).await {
                Err(error) if error.code() == Some("ConditionalRequestConflict") => {
                    let Some(delay) = retries.next_delay() else {
                        return Err(error);
                    };
                    tokio::time::sleep(delay).await;
                }
                stored => return stored,
            }
        }
    }

    async fn put_once(&self, bytes: &Bytes) -> Result<Stored, AwsError> {
        let (object, hint) = (&self.object, self.region.as_deref());
        let sent = self
            .store
            .regions
            .send("PutObject", object, hint, |client| {
                client
                    .put_object()
                    .bucket(object.bucket())
                    .key(object.key())
                    .content_type(self.content_type)
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .set_if_none_match(self.if_none_match())
                    .body(ByteStream::from(bytes.clone()))
                    .customize()
                    .config_override(within(timeouts::send(bytes.len())))
                    .send()
            });
        match sent.await {
            Ok((put, _)) => Ok(Stored::New {
                etag: put.e_tag().unwrap_or_default().to_owned(),
                bytes: bytes.len() as u64,
            }),
            Err(error) => self.kept_or(error),
        }
    }
}
