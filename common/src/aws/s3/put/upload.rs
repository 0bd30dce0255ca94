//! Uploading an object whose bytes come in order.

use bytes::{Bytes, BytesMut};

use super::body::Body;
use super::multipart::{MIN_PART, Multipart};
use super::target::{Existing, Stored, Target};
use crate::aws::error::AwsError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// An upload that takes its bytes in order, for lists that may be large.
///
/// Up to 5 MiB are one request. More are a multipart upload, which sends one part while the next is
/// being filled. Every request carries a CRC-32 that S3 checks.
///
/// Memory: two parts of 5 MiB, and the bytes of one [`Upload::write`].
///
/// Nothing is visible before [`Upload::finish`]. An upload that is dropped before is aborted in the
/// background.
///
/// ```no_run
/// use tilefleet_common::aws::{AwsError, Existing, ObjectStore, Stored, Upload};
/// use tilefleet_common::domain::S3Url;
///
/// async fn put(store: &ObjectStore, list: &S3Url) -> Result<Stored, AwsError> {
///     let mut upload = Upload::begin(store, list, None, "text/plain", Existing::Replace);
///     for n in 0..1_000_000 {
///         upload.write(format!("{n}\n").as_bytes()).await?;
///     }
///     upload.finish().await
/// }
/// ```
#[derive(Debug)]
pub struct Upload {
    target: Target,
    buffer: BytesMut,
    bytes: u64,
    /// Number of the next part.
    next: usize,
    multipart: Option<Multipart>,
}

impl Upload {
    /// Begins the upload of `object`, whose bucket is in `region`, or in the fleet's own if that is
    /// `None`. Sends nothing yet.
    pub fn begin(
        store: &ObjectStore,
        object: &S3Url,
        region: Option<&str>,
        content_type: &'static str,
        existing: Existing,
    ) -> Self {
        let target = Target::new(store, object, region, content_type, existing);
        Self {
            target,
            buffer: BytesMut::new(),
            bytes: 0,
            next: 1,
            multipart: None,
        }
    }

    /// Checks whether the role may write `object`: creates a multipart upload and aborts it, so
    /// that no object is visible at any time.
    ///
    /// # Errors
    /// [`AwsError`] when one of the two calls fails.
    pub async fn probe(store: &ObjectStore, object: &S3Url) -> Result<(), AwsError> {
        let target = Target::new(
            store,
            object,
            None,
            "application/octet-stream",
            Existing::Keep,
        );
        Multipart::create(&target, 1).await?.try_abort().await
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`AwsError`] when a part could not be stored; the upload is then aborted.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), AwsError> {
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() > MIN_PART {
            let part = self.buffer.split_to(MIN_PART).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    /// Sends the rest and makes the whole object visible.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; a multipart upload is then aborted.
    pub async fn finish(mut self) -> Result<Stored, AwsError> {
        let last = self.buffer.split().freeze();
        match self.multipart.take() {
            // The last part is never empty: a part is cut off only when something follows.
            Some(mut multipart) => {
                multipart.send(self.next, Body::from_iter([last])).await?;
                multipart.complete(self.bytes).await
            }
            None => self.target.put(last).await,
        }
    }

    async fn send(&mut self, part: Bytes) -> Result<(), AwsError> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(Multipart::create(&self.target, 1).await?),
        };
        multipart.send(self.next, Body::from_iter([part])).await?;
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;
    use crate::aws::canned::{Answer, Log, Request, Response};
    use crate::aws::s3::canned::{count, error, store, uploads};

    fn begin(
        existing: Existing,
        respond: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> (Upload, Log) {
        let (store, log) = store(move |_, request| respond(request));
        (
            Upload::begin(
                &store,
                &"s3://out/a.tif".parse().unwrap(),
                None,
                "image/tiff",
                existing,
            ),
            log,
        )
    }

    async fn whole(mut upload: Upload, bytes: &[u8]) -> Result<Stored, AwsError> {
        upload.write(bytes).await?;
        upload.finish().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_object_takes_one_request_and_a_large_one_parts() {
        let (upload, log) = begin(Existing::Replace, uploads);
        let stored = whole(upload, b"small").await.unwrap();
        assert_eq!(
            stored,
            Stored::New {
                etag: "\"tag\"".into(),
                bytes: 5
            }
        );
        assert_eq!(log.requests().len(), 1);

        let (upload, log) = begin(Existing::Replace, uploads);
        let stored = whole(upload, &vec![7; 2 * MIN_PART + 1]).await.unwrap();
        assert_eq!(
            stored,
            Stored::New {
                etag: "\"whole\"".into(),
                bytes: 2 * MIN_PART as u64 + 1
            }
        );
        assert_eq!((count(&log, "POST"), count(&log, "PUT")), (2, 3));
        let completed = log.requests().pop().unwrap().body;
        assert_eq!(completed.matches("<PartNumber>").count(), 3, "{completed}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_small_writes_make_the_same_parts() {
        let (mut upload, log) = begin(Existing::Replace, uploads);
        for _ in 0..20 {
            upload.write(&vec![1; MIN_PART / 8]).await.unwrap();
        }
        assert_eq!(
            upload.finish().await.unwrap(),
            Stored::New {
                etag: "\"whole\"".into(),
                bytes: 20 * (MIN_PART as u64 / 8)
            }
        );
        assert_eq!(count(&log, "PUT"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_cannot_be_stored_aborts_the_upload() {
        let (upload, log) = begin(Existing::Replace, |request| {
            if request.uri.contains("partNumber=2") {
                (
                    403,
                    vec![],
                    b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
                )
            } else {
                uploads(request)
            }
        });
        let error = whole(upload, &vec![7; 3 * MIN_PART]).await.unwrap_err();
        assert_eq!(error.kind(), AwsErrorKind::AccessDenied);
        assert_eq!(
            (count(&log, "DELETE"), count(&log, "POST")),
            (1, 1),
            "aborted, never completed"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_is_gone_when_it_is_completed_is_a_retryable_error() {
        let (upload, log) = begin(Existing::Replace, |request| match request.method.as_str() {
            "POST" if !request.uri.contains("uploads") => (
                404,
                vec![],
                b"<Error><Code>NoSuchUpload</Code></Error>".to_vec(),
            ),
            _ => uploads(request),
        });
        let error = whole(upload, &vec![7; 2 * MIN_PART]).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(count(&log, "DELETE"), 1, "what is left of it is aborted");
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_of_whose_requests_every_other_one_is_not_answered_succeeds() {
        let (store, log) = store(|n, request| {
            if n % 2 == 0 {
                Answer::Silence
            } else {
                uploads(request).into()
            }
        });
        let object = "s3://out/a.tif".parse().unwrap();
        for bytes in [7, 2 * MIN_PART + 1] {
            let mut upload = Upload::begin(&store, &object, None, "image/tiff", Existing::Replace);
            upload.write(&vec![7; bytes]).await.unwrap();
            assert!(matches!(upload.finish().await.unwrap(), Stored::New { .. }));
        }
        // The small object is one request; of the large one begin, three parts and the completion.
        assert_eq!(log.requests().len(), 2 * (1 + 5));
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_collides_with_another_is_sent_again_or_said_to_be() {
        let conflict = || error(409, "ConditionalRequestConflict", vec![]);
        let object = "s3://out/manifest".parse().unwrap();
        let keep =
            |store: &ObjectStore| Upload::begin(store, &object, None, "text/plain", Existing::Keep);
        // The other one may come first or not.
        let (store, log) = store(move |n, request| match n {
            0..3 => conflict(),
            _ => uploads(request),
        });
        assert!(matches!(
            whole(keep(&store), b"small").await.unwrap(),
            Stored::New { .. }
        ));
        assert_eq!(log.requests().len(), 4);
        let (store, log) = self::store(move |n, _| match n {
            0 => conflict(),
            _ => error(412, "PreconditionFailed", vec![]),
        });
        assert_eq!(whole(keep(&store), b"small").await.unwrap(), Stored::Kept);
        assert_eq!(log.requests().len(), 2);
        // A multipart upload begins anew, which only its caller can do.
        let (store, log) = self::store(move |_, request| match request.method.as_str() {
            "POST" if !request.uri.contains("uploads") => conflict(),
            _ => uploads(request),
        });
        let failed = whole(keep(&store), &vec![7; 2 * MIN_PART])
            .await
            .unwrap_err();
        assert!(
            failed.is_retryable() && failed.to_string().ends_with("try again"),
            "{failed}"
        );
        assert_eq!(count(&log, "DELETE"), 1, "its parts are not left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_leaves_nothing_and_names_the_action_that_is_denied() {
        let probe = async |respond: fn(&Request) -> Response| {
            let (store, log) = store(move |_, request| respond(request));
            (
                Upload::probe(&store, &"s3://out/doctor".parse().unwrap()).await,
                log,
            )
        };
        let (sound, log) = probe(uploads).await;
        sound.unwrap();
        assert_eq!(
            (
                count(&log, "POST"),
                count(&log, "DELETE"),
                count(&log, "PUT")
            ),
            (1, 1, 0)
        );
        let (denied, _) = probe(|_| {
            (
                403,
                vec![],
                b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
            )
        })
        .await;
        let message = "access to s3://out/doctor denied (AccessDenied: http status 403); the role needs s3:PutObject on it";
        assert_eq!(denied.unwrap_err().to_string(), message);
    }

    #[tokio::test(start_paused = true)]
    async fn an_existing_object_is_kept_if_the_caller_says_so() {
        let existing = |request: &Request| match request.method.as_str() {
            "POST" if request.uri.contains("uploads") => uploads(request),
            "DELETE" => uploads(request),
            _ if request.header("if-none-match") == "*" => (
                412,
                vec![],
                b"<Error><Code>PreconditionFailed</Code></Error>".to_vec(),
            ),
            _ => uploads(request),
        };
        let (upload, _) = begin(Existing::Keep, existing);
        assert_eq!(whole(upload, b"small").await.unwrap(), Stored::Kept);
        let (upload, log) = begin(Existing::Keep, existing);
        assert_eq!(
            whole(upload, &vec![7; MIN_PART + 1]).await.unwrap(),
            Stored::Kept
        );
        assert_eq!(count(&log, "DELETE"), 1, "the parts are not left behind");
    }
}
