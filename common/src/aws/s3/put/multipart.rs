//! The requests that make up an upload. Every one that brings bytes carries a CRC-32 that S3
//! checks.
//!
//! They are boxed: the SDK's futures have kilobytes, which every caller up to the worker's pool
//! would carry along.

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::body::Pieces;
use super::upload::{Existing, Stored};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// Bytes of a part. S3 takes 5 MiB to 5 GiB and 10,000 parts ("Amazon S3 multipart upload limits"):
/// up to 78 GiB.
pub(super) const PART: usize = 8 * 1024 * 1024;
/// S3 takes no smaller part, but for the last ("Amazon S3 multipart upload limits").
pub(super) const LEAST: usize = 5 * 1024 * 1024;
/// Parts of a raster on their way at a time.
pub(super) const PARTS_AT_ONCE: usize = 4;

/// What an upload makes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) store: ObjectStore,
    pub(super) object: S3Url,
    pub(super) content_type: &'static str,
    pub(super) existing: Existing,
}

/// A multipart upload that has begun. Part numbers run from 1 without gaps: S3 demands that where
/// parts have checksums (S3 API reference, `CompletedPart`, `PartNumber`). One that is dropped
/// unfinished is aborted in the background.
#[derive(Debug)]
pub(super) struct Multipart {
    target: Target,
    /// Parts on their way at a time.
    at_once: usize,
    /// `None` once it is completed or aborted.
    id: Option<String>,
    on_their_way: JoinSet<Result<(i32, CompletedPart), AwsError>>,
    done: BTreeMap<i32, CompletedPart>,
}

impl Target {
    pub(super) fn new(
        store: &ObjectStore,
        object: &S3Url,
        region: Option<&str>,
        content_type: &'static str,
        existing: Existing,
    ) -> Self {
        if let Some(region) = region {
            store.place(object.bucket(), region);
        }
        Self {
            store: store.clone(),
            object: object.clone(),
            content_type,
            existing,
        }
    }

    /// Puts the object by one request.
    pub(super) async fn put(&self, bytes: Bytes) -> Result<Stored, AwsError> {
        loop {
            let put = self
                .store
                .client(self.object.bucket())
                .put_object()
                .bucket(self.object.bucket())
                .key(self.object.key())
                .content_type(self.content_type)
                .checksum_algorithm(ChecksumAlgorithm::Crc32)
                .set_if_none_match((self.existing == Existing::Keep).then(|| "*".to_owned()))
                .body(ByteStream::from(bytes.clone()));
            return match Box::pin(put.send()).await {
                Ok(put) => {
                    let etag = put.e_tag().unwrap_or_default().to_owned();
                    Ok(Stored::New {
                        etag,
                        bytes: bytes.len() as u64,
                    })
                }
                Err(error) if self.store.learn_region(self.object.bucket(), &error) => continue,
                Err(error) => self.kept_or(AwsError::new(
                    "s3",
                    "PutObject",
                    &self.object.to_string(),
                    &error,
                )),
            };
        }
    }

    fn kept_or(&self, error: AwsError) -> Result<Stored, AwsError> {
        let kept = self.existing == Existing::Keep && error.code() == Some("PreconditionFailed");
        if kept { Ok(Stored::Kept) } else { Err(error) }
    }

    /// Begins a multipart upload that has at most `at_once` parts on their way.
    pub(super) async fn create(&self, at_once: usize) -> Result<Multipart, AwsError> {
        loop {
            let create = self
                .store
                .client(self.object.bucket())
                .create_multipart_upload()
                .bucket(self.object.bucket())
                .key(self.object.key())
                .content_type(self.content_type)
                .checksum_algorithm(ChecksumAlgorithm::Crc32);
            let created = match Box::pin(create.send()).await {
                Ok(created) => created,
                Err(error) if self.store.learn_region(self.object.bucket(), &error) => continue,
                Err(error) => {
                    let object = self.object.to_string();
                    return Err(AwsError::new(
                        "s3",
                        "CreateMultipartUpload",
                        &object,
                        &error,
                    ));
                }
            };
            return Ok(Multipart {
                target: self.clone(),
                at_once,
                id: Some(created.upload_id().unwrap_or_default().to_owned()),
                on_their_way: JoinSet::new(),
                done: BTreeMap::new(),
            });
        }
    }
}

impl Multipart {
    /// Sends a part on its way, as soon as there is room.
    ///
    /// # Errors
    /// When an earlier part could not be stored; the upload is then aborted.
    pub(super) async fn send(&mut self, number: usize, part: Pieces) -> Result<(), AwsError> {
        while self.on_their_way.len() >= self.at_once {
            self.collect().await?;
        }
        // S3 refuses numbers beyond 10,000 in its own words.
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let request = self
            .target
            .store
            .client(self.target.object.bucket())
            .upload_part()
            .bucket(self.target.object.bucket())
            .key(self.target.object.key())
            .set_upload_id(self.id.clone())
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .checksum_crc32(part.crc32())
            .body(part.into_stream());
        let object = self.target.object.to_string();
        self.on_their_way.spawn(async move {
            let part = request
                .send()
                .await
                .map_err(|error| AwsError::new("s3", "UploadPart", &object, &error))?;
            let completed = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag().map(str::to_owned))
                .set_checksum_crc32(part.checksum_crc32().map(str::to_owned));
            Ok((number, completed.build()))
        });
        Ok(())
    }

    async fn collect(&mut self) -> Result<(), AwsError> {
        match self.on_their_way.join_next().await {
            Some(Ok(Ok((number, part)))) => {
                self.done.insert(number, part);
                Ok(())
            }
            Some(Ok(Err(error))) => {
                self.abort().await;
                Err(error)
            }
            // A part's task neither panics nor is it aborted before the upload is.
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Waits for all parts, and makes the object of `bytes` bytes visible.
    ///
    /// # Errors
    /// When a request failed; the upload is then aborted.
    pub(super) async fn complete(mut self, bytes: u64) -> Result<Stored, AwsError> {
        while !self.on_their_way.is_empty() {
            self.collect().await?;
        }
        let parts = std::mem::take(&mut self.done).into_values().collect();
        let target = &self.target;
        let complete = target
            .store
            .client(target.object.bucket())
            .complete_multipart_upload()
            .bucket(target.object.bucket())
            .key(target.object.key())
            .set_upload_id(self.id.clone())
            .set_if_none_match((target.existing == Existing::Keep).then(|| "*".to_owned()))
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            );
        match Box::pin(complete.send()).await {
            Ok(done) => {
                self.id = None;
                Ok(Stored::New {
                    etag: done.e_tag().unwrap_or_default().to_owned(),
                    bytes,
                })
            }
            Err(error) => {
                let object = target.object.to_string();
                let error = AwsError::new("s3", "CompleteMultipartUpload", &object, &error);
                // It may be completed: "the multipart upload might have been aborted or completed"
                // (S3 API reference), the latter by a request of which only the answer was lost.
                // Made again, the object is the same.
                let gone = error.code() == Some("NoSuchUpload");
                let stored = target.kept_or(if gone { error.into_passing() } else { error });
                self.abort().await;
                stored
            }
        }
    }

    /// Aborts the upload; what cannot be aborted is left to the bucket's lifecycle rule.
    pub(super) async fn abort(&mut self) {
        if let Err(error) = self.give_up().await {
            // An upload that is gone needs no abort.
            if error.kind() != AwsErrorKind::NotFound {
                let object = &self.target.object;
                tracing::warn!(%object, %error, "an aborted upload is left to the bucket's lifecycle rule");
            }
        }
    }

    /// Aborts the upload.
    ///
    /// # Errors
    /// When S3 refused to.
    pub(super) async fn give_up(&mut self) -> Result<(), AwsError> {
        // A part that is still arriving when the upload is aborted may stay
        // ("AbortMultipartUpload").
        self.on_their_way.shutdown().await;
        match self.id.take() {
            Some(id) => abort(&self.target, id).await,
            None => Ok(()),
        }
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), Handle::try_current()) {
            let target = self.target.clone();
            let mut on_their_way = std::mem::take(&mut self.on_their_way);
            runtime.spawn(async move {
                on_their_way.shutdown().await;
                if let Err(error) = abort(&target, id).await {
                    tracing::debug!(object = %target.object, %error, "an upload that was dropped is not aborted");
                }
            });
        }
    }
}

async fn abort(target: &Target, id: String) -> Result<(), AwsError> {
    let abort = target
        .store
        .client(target.object.bucket())
        .abort_multipart_upload()
        .bucket(target.object.bucket())
        .key(target.object.key())
        .upload_id(id);
    match Box::pin(abort.send()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(AwsError::new(
            "s3",
            "AbortMultipartUpload",
            &target.object.to_string(),
            &error,
        )),
    }
}
