use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

use super::error::{AwsError, AwsErrorKind};
use super::objects::ObjectStore;
use crate::domain::S3Url;

/// Bytes of a part. S3 takes 5 MiB to 5 GiB and 10,000 parts ("Amazon S3 multipart upload limits"): up to 80 GiB.
const PART: usize = 8 * 1024 * 1024;
/// Parts on their way at a time.
const PARTS_AT_ONCE: usize = 4;

/// What to do about an object that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Put the new one in its place.
    Replace,
    /// Leave it (`If-None-Match: *`; S3 user guide, "Conditional writes").
    Keep,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// The object is there, whole.
    New {
        /// Its entity tag.
        etag: String,
        /// Its length.
        bytes: u64,
    },
    /// An object was there and has been left.
    Kept,
}

/// An upload that takes its bytes as they come: one request when they are few, else a multipart upload whose parts
/// travel while the rest is still being made. Every request carries a CRC-32 that S3 checks.
///
/// Nothing is visible before [`Upload::finish`]. An upload that is dropped leaves parts to the bucket's lifecycle rule.
#[derive(Debug)]
pub struct Upload {
    store: ObjectStore,
    object: S3Url,
    content_type: &'static str,
    existing: Existing,
    buffer: BytesMut,
    bytes: u64,
    multipart: Option<Multipart>,
}

#[derive(Debug)]
struct Multipart {
    id: String,
    next: i32,
    on_their_way: JoinSet<Result<(i32, CompletedPart), AwsError>>,
    done: BTreeMap<i32, CompletedPart>,
}

impl Upload {
    /// Begins the upload of `object`, whose bucket is in `region` if that is not the fleet's own.
    pub fn begin(
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
            buffer: BytesMut::new(),
            bytes: 0,
            multipart: None,
        }
    }

    /// Finds out whether objects may be put under `object`: begins an upload and gives it up, so that at no time there is
    /// anything to see.
    ///
    /// # Errors
    /// [`AwsError`] when one of the two is refused.
    pub async fn probe(store: &ObjectStore, object: &S3Url) -> Result<(), AwsError> {
        let mut upload = Self::begin(store, object, None, "application/octet-stream", Existing::Keep);
        upload.create().await?;
        upload.give_up().await
    }

    /// Uploads `bytes` as a whole.
    ///
    /// # Errors
    /// As [`Upload::finish`].
    pub async fn whole(mut self, mut bytes: Bytes) -> Result<Stored, AwsError> {
        if bytes.len() > PART {
            while !bytes.is_empty() {
                let part = bytes.split_to(bytes.len().min(PART));
                self.bytes += part.len() as u64;
                self.send_part(part).await?;
            }
        } else {
            self.bytes = bytes.len() as u64;
            self.buffer = bytes.into();
        }
        self.finish().await
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`AwsError`] when a part could not be stored; the upload is then aborted.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), AwsError> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() > PART {
            let part = self.buffer.split_to(PART).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    /// Makes the object visible, whole, or not at all.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; a multipart upload is then aborted.
    pub async fn finish(mut self) -> Result<Stored, AwsError> {
        let last = self.buffer.split().freeze();
        if self.multipart.is_none() {
            return self.put(last).await;
        }
        if !last.is_empty() {
            self.send_part(last).await?;
        }
        while self.multipart.as_ref().is_some_and(|multipart| !multipart.on_their_way.is_empty()) {
            self.collect_part().await?;
        }
        match self.complete().await {
            Err(error) => {
                self.abort().await;
                Err(error)
            }
            stored => stored,
        }
    }

    async fn put(&self, bytes: Bytes) -> Result<Stored, AwsError> {
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
            return match put.send().await {
                Ok(put) => {
                    Ok(Stored::New { etag: put.e_tag().unwrap_or_default().to_owned(), bytes: self.bytes })
                }
                Err(error) if self.store.learn_region(self.object.bucket(), &error) => continue,
                Err(error) => {
                    self.kept_or(AwsError::new("s3", "PutObject", &self.object.to_string(), &error))
                }
            };
        }
    }

    fn kept_or(&self, error: AwsError) -> Result<Stored, AwsError> {
        let kept = self.existing == Existing::Keep && error.code() == Some("PreconditionFailed");
        if kept { Ok(Stored::Kept) } else { Err(error) }
    }

    async fn create(&mut self) -> Result<(), AwsError> {
        loop {
            let create = self
                .store
                .client(self.object.bucket())
                .create_multipart_upload()
                .bucket(self.object.bucket())
                .key(self.object.key())
                .content_type(self.content_type)
                .checksum_algorithm(ChecksumAlgorithm::Crc32);
            let created = match create.send().await {
                Ok(created) => created,
                Err(error) if self.store.learn_region(self.object.bucket(), &error) => continue,
                Err(error) => {
                    return Err(AwsError::new(
                        "s3",
                        "CreateMultipartUpload",
                        &self.object.to_string(),
                        &error,
                    ));
                }
            };
            self.multipart = Some(Multipart {
                id: created.upload_id().unwrap_or_default().to_owned(),
                next: 1,
                on_their_way: JoinSet::new(),
                done: BTreeMap::new(),
            });
            return Ok(());
        }
    }

    async fn send_part(&mut self, bytes: Bytes) -> Result<(), AwsError> {
        if self.multipart.is_none() {
            self.create().await?;
        }
        while self.multipart.as_ref().is_some_and(|multipart| multipart.on_their_way.len() >= PARTS_AT_ONCE) {
            self.collect_part().await?;
        }
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        let number = multipart.next;
        multipart.next += 1;
        let request = self
            .store
            .client(self.object.bucket())
            .upload_part()
            .bucket(self.object.bucket())
            .key(self.object.key())
            .upload_id(&multipart.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes));
        let object = self.object.to_string();
        multipart.on_their_way.spawn(async move {
            let part =
                request.send().await.map_err(|error| AwsError::new("s3", "UploadPart", &object, &error))?;
            let completed = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(part.e_tag().map(str::to_owned))
                .set_checksum_crc32(part.checksum_crc32().map(str::to_owned));
            Ok((number, completed.build()))
        });
        Ok(())
    }

    async fn collect_part(&mut self) -> Result<(), AwsError> {
        let Some(multipart) = &mut self.multipart else { return Ok(()) };
        match multipart.on_their_way.join_next().await {
            Some(Ok(Ok((number, part)))) => {
                multipart.done.insert(number, part);
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

    async fn complete(&mut self) -> Result<Stored, AwsError> {
        let Some(multipart) = &mut self.multipart else { return Ok(Stored::Kept) };
        let parts = std::mem::take(&mut multipart.done).into_values().collect();
        let complete = self
            .store
            .client(self.object.bucket())
            .complete_multipart_upload()
            .bucket(self.object.bucket())
            .key(self.object.key())
            .upload_id(&multipart.id)
            .set_if_none_match((self.existing == Existing::Keep).then(|| "*".to_owned()))
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build());
        match complete.send().await {
            Ok(done) => {
                Ok(Stored::New { etag: done.e_tag().unwrap_or_default().to_owned(), bytes: self.bytes })
            }
            Err(error) => {
                let error = AwsError::new("s3", "CompleteMultipartUpload", &self.object.to_string(), &error);
                let stored = self.kept_or(error);
                if stored.is_ok() {
                    self.abort().await;
                }
                stored
            }
        }
    }

    async fn abort(&mut self) {
        if let Err(error) = self.give_up().await {
            // An upload that is gone needs no abort.
            if error.kind() != AwsErrorKind::NotFound {
                tracing::warn!(object = %self.object, %error, "an aborted upload is left to the bucket's lifecycle rule");
            }
        }
    }

    async fn give_up(&mut self) -> Result<(), AwsError> {
        let Some(mut multipart) = self.multipart.take() else { return Ok(()) };
        multipart.on_their_way.shutdown().await;
        let abort = self
            .store
            .client(self.object.bucket())
            .abort_multipart_upload()
            .bucket(self.object.bucket())
            .key(self.object.key())
            .upload_id(multipart.id);
        let aborted = abort.send().await;
        aborted
            .map_err(|error| AwsError::new("s3", "AbortMultipartUpload", &self.object.to_string(), &error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned::{self, Answer, Asked, Log};

    fn begin(existing: Existing, answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Upload, Log) {
        let (client, log) = canned::client(move |_, asked| answer(asked));
        let store = ObjectStore::new(canned::config!(aws_sdk_s3, client).force_path_style(true));
        (Upload::begin(&store, &"s3://out/a.tif".parse().unwrap(), None, "image/tiff", existing), log)
    }

    /// S3, as far as an upload sees it.
    fn answer(asked: &Asked) -> Answer {
        let tag = vec![("etag", "\"tag\"".to_owned())];
        let xml = |text: &str| (200, vec![], text.as_bytes().to_vec());
        match (asked.method.as_str(), asked.uri.contains("uploadId"), asked.uri.contains("uploads")) {
            ("POST", false, true) => {
                xml("<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
            }
            ("POST", true, _) => {
                xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
            }
            ("DELETE", ..) => (204, vec![], vec![]),
            _ => (200, tag, vec![]),
        }
    }

    fn count(log: &Log, method: &str) -> usize {
        log.requests().iter().filter(|asked| asked.method == method).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_object_takes_one_request_and_a_large_one_parts() {
        let (upload, log) = begin(Existing::Replace, answer);
        let stored = upload.whole(Bytes::from_static(b"small")).await.unwrap();
        assert_eq!(stored, Stored::New { etag: "\"tag\"".into(), bytes: 5 });
        assert_eq!(log.requests().len(), 1);

        let (upload, log) = begin(Existing::Replace, answer);
        let stored = upload.whole(vec![7; 2 * PART + 1].into()).await.unwrap();
        assert_eq!(stored, Stored::New { etag: "\"whole\"".into(), bytes: 2 * PART as u64 + 1 });
        assert_eq!((count(&log, "POST"), count(&log, "PUT")), (2, 3));
        let completed = log.requests().pop().unwrap().body;
        assert_eq!(completed.matches("<PartNumber>").count(), 3, "{completed}");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_come_in_drops_end_in_the_same_parts() {
        let (mut upload, log) = begin(Existing::Replace, answer);
        for _ in 0..20 {
            upload.write(&vec![1; PART / 8]).await.unwrap();
        }
        assert_eq!(
            upload.finish().await.unwrap(),
            Stored::New { etag: "\"whole\"".into(), bytes: 20 * (PART as u64 / 8) }
        );
        assert_eq!(count(&log, "PUT"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_cannot_be_stored_aborts_the_upload() {
        let (upload, log) = begin(Existing::Replace, |asked| {
            if asked.uri.contains("partNumber=2") {
                (403, vec![], b"<Error><Code>AccessDenied</Code></Error>".to_vec())
            } else {
                answer(asked)
            }
        });
        let error = upload.whole(vec![7; 3 * PART].into()).await.unwrap_err();
        assert_eq!(error.kind(), AwsErrorKind::AccessDenied);
        assert_eq!((count(&log, "DELETE"), count(&log, "POST")), (1, 1), "aborted, never completed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_leaves_nothing_and_names_what_may_not_be_done() {
        let probe = async |answer: fn(&Asked) -> Answer| {
            let (client, log) = canned::client(move |_, asked| answer(asked));
            let store = ObjectStore::new(canned::config!(aws_sdk_s3, client).force_path_style(true));
            (Upload::probe(&store, &"s3://out/doctor".parse().unwrap()).await, log)
        };
        let (sound, log) = probe(answer).await;
        sound.unwrap();
        assert_eq!((count(&log, "POST"), count(&log, "DELETE"), count(&log, "PUT")), (1, 1, 0));
        let (denied, _) =
            probe(|_| (403, vec![], b"<Error><Code>AccessDenied</Code></Error>".to_vec())).await;
        let words = "access to s3://out/doctor denied (AccessDenied: http status 403); the role needs s3:PutObject on it";
        assert_eq!(denied.unwrap_err().to_string(), words);
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_shall_be_kept_is_kept() {
        let there = |asked: &Asked| match asked.method.as_str() {
            "POST" if asked.uri.contains("uploads") => answer(asked),
            "DELETE" => answer(asked),
            _ if asked.header("if-none-match") == "*" => {
                (412, vec![], b"<Error><Code>PreconditionFailed</Code></Error>".to_vec())
            }
            _ => answer(asked),
        };
        let (upload, _) = begin(Existing::Keep, there);
        assert_eq!(upload.whole(Bytes::from_static(b"small")).await.unwrap(), Stored::Kept);
        let (upload, log) = begin(Existing::Keep, there);
        assert_eq!(upload.whole(vec![7; PART + 1].into()).await.unwrap(), Stored::Kept);
        assert_eq!(count(&log, "DELETE"), 1, "the parts are not left behind");
    }
}
