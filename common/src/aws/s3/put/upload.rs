use bytes::{Bytes, BytesMut};

use super::body::Pieces;
use super::multipart::{LEAST as PART, Multipart, Target};
use crate::aws::error::AwsError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

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

/// An upload that takes its bytes as they come: one request when they are few, else a multipart
/// upload, of which one part travels while the next is being made. Every request carries a CRC-32
/// that S3 checks.
///
/// Memory: two parts of 5 MiB, and whatever is written at a time. It is for lists, of tasks that
/// may be large.
///
/// Nothing is visible before [`Upload::finish`]. An upload that is dropped before is aborted in the
/// background.
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
    /// Begins the upload of `object`, whose bucket is in `region` if that is not the fleet's own.
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

    /// Finds out whether objects may be put under `object`: begins an upload and gives it up, so
    /// that at no time there is anything to see.
    ///
    /// # Errors
    /// [`AwsError`] when one of the two is refused.
    pub async fn probe(store: &ObjectStore, object: &S3Url) -> Result<(), AwsError> {
        let target = Target::new(
            store,
            object,
            None,
            "application/octet-stream",
            Existing::Keep,
        );
        target.create(1).await?.give_up().await
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
            self.send(part).await?;
        }
        Ok(())
    }

    /// Makes the object visible, whole, or not at all.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; a multipart upload is then aborted.
    pub async fn finish(mut self) -> Result<Stored, AwsError> {
        let last = self.buffer.split().freeze();
        match self.multipart.take() {
            // Never empty: a part is cut off only when something follows.
            Some(mut multipart) => {
                multipart.send(self.next, Pieces::from_iter([last])).await?;
                multipart.complete(self.bytes).await
            }
            None => self.target.put(last).await,
        }
    }

    async fn send(&mut self, part: Bytes) -> Result<(), AwsError> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(self.target.create(1).await?),
        };
        multipart.send(self.next, Pieces::from_iter([part])).await?;
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;
    use crate::aws::canned::s3::{count, store, uploads as answer};
    use crate::aws::canned::{Answer, Asked, Log};

    fn begin(
        existing: Existing,
        answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> (Upload, Log) {
        let (store, log) = store(move |_, asked| answer(asked));
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
        let (upload, log) = begin(Existing::Replace, answer);
        let stored = whole(upload, b"small").await.unwrap();
        assert_eq!(
            stored,
            Stored::New {
                etag: "\"tag\"".into(),
                bytes: 5
            }
        );
        assert_eq!(log.requests().len(), 1);

        let (upload, log) = begin(Existing::Replace, answer);
        let stored = whole(upload, &vec![7; 2 * PART + 1]).await.unwrap();
        assert_eq!(
            stored,
            Stored::New {
                etag: "\"whole\"".into(),
                bytes: 2 * PART as u64 + 1
            }
        );
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
            Stored::New {
                etag: "\"whole\"".into(),
                bytes: 20 * (PART as u64 / 8)
            }
        );
        assert_eq!(count(&log, "PUT"), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_cannot_be_stored_aborts_the_upload() {
        let (upload, log) = begin(Existing::Replace, |asked| {
            if asked.uri.contains("partNumber=2") {
                (
                    403,
                    vec![],
                    b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
                )
            } else {
                answer(asked)
            }
        });
        let error = whole(upload, &vec![7; 3 * PART]).await.unwrap_err();
        assert_eq!(error.kind(), AwsErrorKind::AccessDenied);
        assert_eq!(
            (count(&log, "DELETE"), count(&log, "POST")),
            (1, 1),
            "aborted, never completed"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_is_gone_when_it_is_completed_may_have_been_completed_and_is_worth_another_try()
     {
        let (upload, log) = begin(Existing::Replace, |asked| match asked.method.as_str() {
            "POST" if !asked.uri.contains("uploads") => (
                404,
                vec![],
                b"<Error><Code>NoSuchUpload</Code></Error>".to_vec(),
            ),
            _ => answer(asked),
        });
        let error = whole(upload, &vec![7; 2 * PART]).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert_eq!(count(&log, "DELETE"), 1, "what is left of it is aborted");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_leaves_nothing_and_names_what_may_not_be_done() {
        let probe = async |answer: fn(&Asked) -> Answer| {
            let (store, log) = store(move |_, asked| answer(asked));
            (
                Upload::probe(&store, &"s3://out/doctor".parse().unwrap()).await,
                log,
            )
        };
        let (sound, log) = probe(answer).await;
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
        let words = "access to s3://out/doctor denied (AccessDenied: http status 403); the role needs s3:PutObject on it";
        assert_eq!(denied.unwrap_err().to_string(), words);
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_shall_be_kept_is_kept() {
        let there = |asked: &Asked| match asked.method.as_str() {
            "POST" if asked.uri.contains("uploads") => answer(asked),
            "DELETE" => answer(asked),
            _ if asked.header("if-none-match") == "*" => (
                412,
                vec![],
                b"<Error><Code>PreconditionFailed</Code></Error>".to_vec(),
            ),
            _ => answer(asked),
        };
        let (upload, _) = begin(Existing::Keep, there);
        assert_eq!(whole(upload, b"small").await.unwrap(), Stored::Kept);
        let (upload, log) = begin(Existing::Keep, there);
        assert_eq!(
            whole(upload, &vec![7; PART + 1]).await.unwrap(),
            Stored::Kept
        );
        assert_eq!(count(&log, "DELETE"), 1, "the parts are not left behind");
    }
}
