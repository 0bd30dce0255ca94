//! A multipart upload. Every part carries a CRC-32 that S3 checks.
//!
//! The futures of requests are boxed: the SDK's have kilobytes, which every caller up to the
//! worker's pool would carry along.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::complete_multipart_upload::{
    CompleteMultipartUploadError, CompleteMultipartUploadOutput,
};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use futures::TryFutureExt as _;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::body::Body;
use super::target::{Stored, Target, within};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::s3::regions::RegionalClient;
use crate::aws::timeouts;

/// The least bytes of a part, except the last ("Amazon S3 multipart upload limits").
pub(super) const MIN_PART: usize = 5 * 1024 * 1024;

/// A multipart upload in progress.
///
/// Part numbers run from 1 without gaps: S3 requires that where parts have checksums (S3 API
/// reference, `CompletedPart`, `PartNumber`). An upload that is dropped before its end is aborted
/// in the background.
#[derive(Debug)]
pub(super) struct Multipart {
    target: Target,
    /// The client that began the upload. No other region knows it.
    client: RegionalClient,
    max_in_flight: usize,
    /// `None` once the upload is completed or aborted.
    id: Option<String>,
    in_flight: JoinSet<Result<(i32, CompletedPart), AwsError>>,
    done: BTreeMap<i32, CompletedPart>,
}

impl Multipart {
    /// Creates an upload that has at most `max_in_flight` parts in flight.
    ///
    /// # Errors
    /// [`AwsError`] when S3 refuses it.
    pub(super) async fn create(target: &Target, max_in_flight: usize) -> Result<Self, AwsError> {
        let (object, hint) = (&target.object, target.region.as_deref());
        let regions = &target.store.regions;
        let create = || {
            let sent = regions.send("CreateMultipartUpload", object, hint, |client| {
                client
                    .create_multipart_upload()
                    .bucket(object.bucket())
                    .key(object.key())
                    .content_type(target.content_type)
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .send()
            });
            Box::pin(sent)
        };
        let (created, client) = target.patiently(create).await?;
        Ok(Self {
            target: target.clone(),
            client,
            max_in_flight,
            id: Some(created.upload_id().unwrap_or_default().to_owned()),
            in_flight: JoinSet::new(),
            done: BTreeMap::new(),
        })
    }

    /// Sends a part in the background; waits while too many are in flight.
    ///
    /// # Errors
    /// [`AwsError`] when an earlier part could not be stored; the upload is then aborted.
    pub(super) async fn send(&mut self, number: usize, part: Body) -> Result<(), AwsError> {
        while self.in_flight.len() >= self.max_in_flight {
            self.collect().await?;
        }
        // S3 itself refuses numbers beyond 10,000.
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let (target, client, id) = (self.target.clone(), self.client.clone(), self.id.clone());
        self.in_flight.spawn(async move {
            let checksum = part.crc32();
            let send = || {
                let request = client
                    .client
                    .upload_part()
                    .bucket(target.object.bucket())
                    .key(target.object.key())
                    .set_upload_id(id.clone())
                    .part_number(number)
                    .checksum_algorithm(ChecksumAlgorithm::Crc32)
                    .checksum_crc32(checksum.clone())
                    .body(part.clone().into_stream())
                    .customize()
                    .config_override(within(timeouts::send(part.len())));
                let failure = |error| target.failure("UploadPart", &client, &error);
                Box::pin(request.send().map_err(failure))
            };
            let part = target.patiently(send).await?;
            let completed = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag().map(str::to_owned))
                .set_checksum_crc32(part.checksum_crc32().map(str::to_owned));
            Ok((number, completed.build()))
        });
        Ok(())
    }

    /// Waits for one of the parts in flight.
    async fn collect(&mut self) -> Result<(), AwsError> {
        match self.in_flight.join_next().await {
            Some(Ok(Ok((number, part)))) => {
                self.done.insert(number, part);
                Ok(())
            }
            Some(Ok(Err(error))) => {
                self.abort().await;
                Err(error)
            }
            // A part's task does not panic, and nobody aborts it before the upload.
            Some(Err(_)) | None => Ok(()),
        }
    }

    /// Waits for all parts that were sent.
    ///
    /// # Errors
    /// [`AwsError`] when one could not be stored; the upload is then aborted.
    pub(super) async fn collect_all(&mut self) -> Result<(), AwsError> {
        while !self.in_flight.is_empty() {
            self.collect().await?;
        }
        Ok(())
    }

    /// Waits for all parts and makes the object of `bytes` bytes visible.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; the upload is then aborted.
    pub(super) async fn complete(mut self, bytes: u64) -> Result<Stored, AwsError> {
        // All parts must be stored before.
        self.collect_all().await?;
        let parts: Vec<_> = std::mem::take(&mut self.done).into_values().collect();
        let target = &self.target;
        let complete = || {
            let failure = |error| target.failure("CompleteMultipartUpload", &self.client, &error);
            Box::pin(self.request_completion(&parts).map_err(failure))
        };
        match target.patiently(complete).await {
            Ok(completed) => {
                self.id = None;
                Ok(Stored::New {
                    etag: completed.e_tag().unwrap_or_default().to_owned(),
                    bytes,
                })
            }
            Err(error) => {
                // The upload may be completed: "the multipart upload might have been aborted or
                // completed" (S3 API reference), the latter when only the response was lost. A new
                // upload makes the same object, so another attempt is right.
                let is_gone = error.code() == Some("NoSuchUpload");
                let stored = target.kept_or(if is_gone {
                    error.into_retryable()
                } else {
                    error
                });
                self.abort().await;
                stored
            }
        }
    }

    async fn request_completion(
        &self,
        parts: &[CompletedPart],
    ) -> Result<CompleteMultipartUploadOutput, SdkError<CompleteMultipartUploadError, HttpResponse>>
    {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec()));
        self.client
            .client
            .complete_multipart_upload()
            .bucket(self.target.object.bucket())
            .key(self.target.object.key())
            .set_upload_id(self.id.clone())
            .set_if_none_match(self.target.if_none_match())
            .multipart_upload(parts.build())
            .customize()
            .config_override(within(timeouts::complete()))
            .send()
            .await
    }

    /// Aborts the upload. If S3 cannot be reached, the bucket's lifecycle rule removes the parts.
    pub(super) async fn abort(&mut self) {
        if let Err(error) = self.try_abort().await {
            // An upload that is gone needs no abort.
            if error.kind() != AwsErrorKind::NotFound {
                let object = &self.target.object;
                tracing::warn!(%object, %error, "an upload is not aborted; the bucket's lifecycle rule removes its parts");
            }
        }
    }

    /// Aborts the upload.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub(super) async fn try_abort(&mut self) -> Result<(), AwsError> {
        // A part that still arrives while the upload is aborted may stay
        // (S3 API reference, `AbortMultipartUpload`).
        self.in_flight.shutdown().await;
        match self.id.take() {
            Some(id) => abort(&self.target, &self.client, id).await,
            None => Ok(()),
        }
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        if let (Some(id), Ok(runtime)) = (self.id.take(), Handle::try_current()) {
            let (target, client) = (self.target.clone(), self.client.clone());
            let mut in_flight = std::mem::take(&mut self.in_flight);
            runtime.spawn(async move {
                in_flight.shutdown().await;
                if let Err(error) = abort(&target, &client, id).await {
                    tracing::debug!(object = %target.object, %error, "an upload that was dropped is not aborted");
                }
            });
        }
    }
}

async fn abort(target: &Target, client: &RegionalClient, id: String) -> Result<(), AwsError> {
    let request = client
        .client
        .abort_multipart_upload()
        .bucket(target.object.bucket())
        .key(target.object.key())
        .upload_id(id);
    match Box::pin(request.send()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(target.failure("AbortMultipartUpload", client, &error)),
    }
}
