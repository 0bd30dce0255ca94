//! Which object an upload writes, and the request that writes it at once.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use bytes::Bytes;

use crate::aws::error::AwsError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

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
    pub(super) content_type: &'static str,
    existing: Existing,
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
        store.set_region(object.bucket(), region);
        Self {
            store: store.clone(),
            object: object.clone(),
            content_type,
            existing,
        }
    }

    /// The value of `If-None-Match` for the request that makes the object visible.
    pub(super) fn if_none_match(&self) -> Option<String> {
        (self.existing == Existing::Keep).then(|| "*".to_owned())
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

    /// Writes the object by one request, which carries a CRC-32 that S3 checks.
    pub(super) async fn put(&self, bytes: Bytes) -> Result<Stored, AwsError> {
        let bucket = self.object.bucket();
        loop {
            let request = self
                .store
                .client(bucket)
                .put_object()
                .bucket(bucket)
                .key(self.object.key())
                .content_type(self.content_type)
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .set_if_none_match(self.if_none_match())
                .body(ByteStream::from(bytes.clone()));
            // Boxed: the SDK's futures have kilobytes, which every caller would carry along.
            return match Box::pin(request.send()).await {
                Ok(put) => Ok(Stored::New {
                    etag: put.e_tag().unwrap_or_default().to_owned(),
                    bytes: bytes.len() as u64,
                }),
                Err(error) if self.store.learn_region(bucket, &error) => continue,
                Err(error) => self.kept_or(AwsError::new(
                    "s3",
                    "PutObject",
                    &self.object.to_string(),
                    &error,
                )),
            };
        }
    }
}
