//! Uploading an object whose header is known last.

use std::time::Duration;

use bytes::Bytes;

use super::body::Body;
use super::multipart::{MIN_PART, Multipart};
use super::target::{Existing, Stored, Target};
use crate::aws::error::AwsError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// Bytes of a part. S3 takes 5 MiB to 5 GiB and 10,000 parts ("Amazon S3 multipart upload limits"):
/// up to 78 GiB.
const PART: usize = 8 * 1024 * 1024;
/// Parts that are in flight at a time.
const MAX_IN_FLIGHT: usize = 4;
/// Parts that the header is cut into. They have the numbers from 1 to this, the body has those that
/// follow.
///
/// All of them are used, whatever the length of the header: no part number may be left out (see
/// [`Multipart`]). Each takes up to 5 GiB.
const HEADER_PARTS: usize = 2;
/// The start of the body is held back until the header is known, so that a short header can be
/// filled up to [`HEADER_PARTS`] parts of [`MIN_PART`].
const FRONT: usize = MIN_PART * HEADER_PARTS;

/// An upload of an object whose header is known last.
///
/// The body is sent in parts while it is made; the header follows, with the first part numbers. An
/// object of at most 8 MiB is one request at the end.
///
/// Memory: [`HeaderLastUpload::MEMORY`], and the header while it is sent.
///
/// Nothing is visible before [`HeaderLastUpload::finish_with_header`]. An upload that is dropped
/// before is aborted in the background.
#[derive(Debug)]
pub struct HeaderLastUpload {
    target: Target,
    /// The first bytes of the body, up to [`FRONT`].
    front: Body,
    /// What follows and is not sent yet.
    rest: Body,
    /// Length of the body so far.
    bytes: u64,
    /// Number of the next part of the body.
    next: usize,
    multipart: Option<Multipart>,
}

impl HeaderLastUpload {
    /// Bytes that an upload has in memory at most, without the header: 6 parts of 8 MiB and the
    /// 10 MiB that are held back of the body.
    pub const MEMORY: u64 = (FRONT + 6 * PART) as u64;

    /// Begins the upload of `object`, whose bucket is in `region`, or in the fleet's own if that is
    /// `None`. Sends nothing yet. An object that exists is replaced.
    pub fn begin(
        store: &ObjectStore,
        object: &S3Url,
        region: Option<&str>,
        content_type: &'static str,
    ) -> Self {
        Self {
            target: Target::new(store, object, region, content_type, Existing::Replace),
            front: Body::default(),
            rest: Body::default(),
            bytes: 0,
            next: HEADER_PARTS + 1,
            multipart: None,
        }
    }

    /// The same upload, which waits out an outage of S3 for up to `patience`.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self {
            target: self.target.with_patience(patience),
            ..self
        }
    }

    /// Appends bytes to the body; waits while too many parts are in flight.
    ///
    /// # Errors
    /// [`AwsError`] when a part could not be stored; the upload is then aborted.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<(), AwsError> {
        self.bytes += bytes.len() as u64;
        let front = bytes.split_to(bytes.len().min(FRONT - self.front.len()));
        self.front.push(front);
        self.rest.push(bytes);
        while self.rest.len() > PART {
            let part = self.rest.split_to(PART);
            self.send(part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Body) -> Result<(), AwsError> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(Multipart::create(&self.target, MAX_IN_FLIGHT).await?),
        };
        multipart.send(self.next, part).await?;
        self.next += 1;
        Ok(())
    }

    /// Puts the header in front of the body, and makes the whole object visible.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; the upload is then aborted.
    pub async fn finish_with_header(self, header: Vec<Bytes>) -> Result<Stored, AwsError> {
        self.close_with_header(header).await?.publish().await
    }

    /// Puts the header in front of the body, and waits until all parts are stored. Nothing is
    /// visible yet. So several objects can become visible one right after the other.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; the upload is then aborted.
    pub async fn close_with_header(mut self, header: Vec<Bytes>) -> Result<ClosedUpload, AwsError> {
        let mut header: Body = header.into_iter().collect();
        let bytes = self.bytes + header.len() as u64;
        header.append(std::mem::take(&mut self.front));
        let rest = std::mem::take(&mut self.rest);
        // Parts of a long body are sent already; the rest is its last part.
        if let Some(mut multipart) = self.multipart.take() {
            // The last part is never empty: a part is cut off only when something follows.
            multipart.send(self.next, rest).await?;
            for number in 1..=HEADER_PARTS {
                let share = header.len() / (HEADER_PARTS - number + 1);
                multipart.send(number, header.split_to(share)).await?;
            }
            return ClosedUpload::of_parts(multipart, bytes).await;
        }
        // Nothing is sent yet: a small object is one request.
        header.append(rest);
        if header.len() <= PART {
            let object = header.join();
            return Ok(ClosedUpload(Closed::Object(self.target, object)));
        }
        // A long header with a short body is cut into parts from the start.
        let mut multipart = Multipart::create(&self.target, MAX_IN_FLIGHT).await?;
        let mut number = 1;
        while !header.is_empty() {
            multipart.send(number, header.split_to(PART)).await?;
            number += 1;
        }
        ClosedUpload::of_parts(multipart, bytes).await
    }

    /// Aborts the upload. Nothing of it is left, if S3 can be reached.
    pub async fn abort(mut self) {
        if let Some(multipart) = &mut self.multipart {
            multipart.abort().await;
        }
    }
}

/// An upload of which all is known, and nothing visible. One that is dropped is aborted in the
/// background.
///
/// Memory: up to 8 MiB, for an object that is one request.
#[derive(Debug)]
pub struct ClosedUpload(Closed);

#[derive(Debug)]
enum Closed {
    /// All parts are stored; the length of the object in bytes.
    Parts(Multipart, u64),
    /// A small object, which is sent when it is published.
    Object(Target, Bytes),
}

impl ClosedUpload {
    async fn of_parts(mut multipart: Multipart, bytes: u64) -> Result<Self, AwsError> {
        multipart.collect_all().await?;
        Ok(Self(Closed::Parts(multipart, bytes)))
    }

    /// Bytes of the object that are in memory, to be sent when it is published.
    pub fn held_bytes(&self) -> u64 {
        match &self.0 {
            Closed::Parts(..) => 0,
            Closed::Object(_, object) => object.len() as u64,
        }
    }

    /// Makes the object visible.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; the upload is then aborted.
    pub async fn publish(self) -> Result<Stored, AwsError> {
        match self.0 {
            Closed::Parts(multipart, bytes) => multipart.complete(bytes).await,
            Closed::Object(target, object) => target.put(object).await,
        }
    }

    /// Aborts the upload. Nothing of it is left, if S3 can be reached.
    pub async fn abort(self) {
        if let Closed::Parts(mut multipart, _) = self.0 {
            multipart.abort().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;
    use crate::aws::canned::{Log, Request, Response};
    use crate::aws::s3::canned::{count, part_number, store, uploads};

    const MIB: usize = 1 << 20;

    fn begin(
        respond: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> (HeaderLastUpload, Log) {
        let (store, log) = store(move |_, request| respond(request));
        (
            HeaderLastUpload::begin(
                &store,
                &"s3://out/a.tif".parse().unwrap(),
                None,
                "image/tiff",
            ),
            log,
        )
    }

    /// Bytes that show their position.
    fn counted(length: usize, salt: u8) -> Bytes {
        (0..length)
            .map(|n| u8::try_from(n % 251).unwrap() ^ salt)
            .collect::<Vec<_>>()
            .into()
    }

    /// The object that S3 makes of the parts, in the order of their numbers, and their lengths.
    fn assembled(log: &Log) -> (Vec<u8>, Vec<usize>) {
        let mut parts: Vec<(u32, Bytes)> = log
            .requests()
            .iter()
            .filter_map(|request| Some((part_number(request)?, request.bytes.clone())))
            .collect();
        parts.sort_by_key(|(number, _)| *number);
        let numbers: Vec<u32> = parts.iter().map(|(number, _)| *number).collect();
        assert_eq!(
            numbers,
            (1..=u32::try_from(parts.len()).unwrap()).collect::<Vec<_>>(),
            "no gaps"
        );
        let lengths: Vec<usize> = parts.iter().map(|(_, bytes)| bytes.len()).collect();
        assert!(
            lengths[..lengths.len() - 1]
                .iter()
                .all(|&length| length >= 5 * MIB),
            "{lengths:?}"
        );
        (
            parts.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect(),
            lengths,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn the_header_is_sent_last_and_stands_first_for_all_lengths() {
        for (header_bytes, body_bytes) in [
            (100, 19 * MIB),
            (5 * MIB - 1, 40 * MIB),
            (64 * MIB + 1, 30 * MIB + 7),
            (9 * MIB, 0),
            (20 * MIB, 3 * MIB),
            (1, 18 * MIB),
        ] {
            let (header, body) = (counted(header_bytes, 0), counted(body_bytes, 0x55));
            let (mut upload, log) = begin(uploads);
            for chunk in body.chunks(300_007) {
                upload.write(body.slice_ref(chunk)).await.unwrap();
            }
            let chunks = header
                .chunks(70_001)
                .map(|chunk| header.slice_ref(chunk))
                .collect();
            let stored = upload.finish_with_header(chunks).await.unwrap();
            let bytes = (header_bytes + body_bytes) as u64;
            assert_eq!(
                stored,
                Stored::New {
                    etag: "\"whole\"".into(),
                    bytes
                }
            );
            let (object, lengths) = assembled(&log);
            assert!(
                object == [header, body].concat(),
                "{header_bytes} and {body_bytes}: {lengths:?}"
            );
            assert_eq!(count(&log, "POST"), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_visible_between_the_end_of_an_upload_and_its_publication() {
        for (body_bytes, completions) in [(30 * MIB, 1), (MIB, 0)] {
            let (mut upload, log) = begin(uploads);
            upload.write(counted(body_bytes, 0)).await.unwrap();
            let closed = upload.close_with_header(vec![counted(9, 1)]).await.unwrap();
            let is_completion =
                |request: &&Request| request.method == "POST" && !request.uri.contains("uploads");
            let seen = |log: &Log| log.requests().iter().filter(is_completion).count();
            assert_eq!(seen(&log), 0);
            let puts = count(&log, "PUT");
            closed.publish().await.unwrap();
            assert_eq!(seen(&log), completions);
            assert_eq!(
                count(&log, "PUT") - puts,
                1 - completions,
                "a small object is put now"
            );
        }
        let (mut upload, log) = begin(uploads);
        upload.write(counted(30 * MIB, 0)).await.unwrap();
        let closed = upload.close_with_header(vec![counted(9, 1)]).await.unwrap();
        closed.abort().await;
        assert_eq!((count(&log, "DELETE"), count(&log, "POST")), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn parts_carry_a_checksum_and_no_signature_of_their_content() {
        let (mut upload, log) = begin(uploads);
        upload.write(counted(20 * MIB, 0)).await.unwrap();
        upload
            .finish_with_header(vec![counted(1, 0)])
            .await
            .unwrap();
        let requests = log.requests();
        let parts: Vec<_> = requests
            .iter()
            .filter(|request| request.method == "PUT")
            .collect();
        assert_eq!(parts.len(), 4);
        for part in parts {
            let crc: Body = std::iter::once(part.bytes.clone()).collect();
            assert_eq!(part.header("x-amz-checksum-crc32"), crc.crc32());
            assert_eq!(part.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
            assert_eq!(part.header("content-length"), part.bytes.len().to_string());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_object_takes_one_request() {
        let (mut upload, log) = begin(uploads);
        upload.write(counted(3 * MIB, 0)).await.unwrap();
        let stored = upload
            .finish_with_header(vec![counted(5 * MIB, 1)])
            .await
            .unwrap();
        assert_eq!(
            stored,
            Stored::New {
                etag: "\"tag\"".into(),
                bytes: 8 * MIB as u64
            }
        );
        let requests = log.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].bytes == [counted(5 * MIB, 1), counted(3 * MIB, 0)].concat());
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_that_cannot_be_stored_aborts_the_upload() {
        for refused in ["partNumber=1&", "partNumber=3&"] {
            let (mut upload, log) = begin(move |request| {
                if request.uri.contains(refused) {
                    (
                        403,
                        vec![],
                        b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
                    )
                } else {
                    uploads(request)
                }
            });
            let error = async {
                upload.write(counted(60 * MIB, 0)).await?;
                upload.finish_with_header(vec![counted(1, 0)]).await
            };
            assert_eq!(error.await.unwrap_err().kind(), AwsErrorKind::AccessDenied);
            assert_eq!(
                (count(&log, "DELETE"), count(&log, "POST")),
                (1, 1),
                "aborted, never completed"
            );
        }
    }

    /// S3 refuses every request for this long, and works then.
    async fn over_an_outage(outage: Duration, patience: Duration) -> Result<Stored, AwsError> {
        let over = tokio::time::Instant::now() + outage;
        let (upload, _) = begin(move |request| {
            if tokio::time::Instant::now() < over {
                (
                    503,
                    vec![],
                    b"<Error><Code>SlowDown</Code></Error>".to_vec(),
                )
            } else {
                uploads(request)
            }
        });
        let mut upload = upload.with_patience(patience);
        upload.write(counted(30 * MIB, 0)).await?;
        upload.finish_with_header(vec![counted(MIB, 1)]).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_raster_is_held_over_an_outage_and_given_up_when_that_lasts_too_long() {
        let quarter = Duration::from_mins(15);
        over_an_outage(Duration::from_mins(10), quarter)
            .await
            .unwrap();
        let error = over_an_outage(Duration::from_hours(2), quarter).await;
        assert!(error.unwrap_err().is_retryable());
        let error = over_an_outage(Duration::from_mins(10), Duration::ZERO).await;
        assert!(error.unwrap_err().is_retryable());
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_is_aborted_by_abort_and_by_drop() {
        let (mut upload, log) = begin(uploads);
        upload.write(counted(30 * MIB, 0)).await.unwrap();
        upload.abort().await;
        assert_eq!((count(&log, "DELETE"), count(&log, "POST")), (1, 1));

        let (mut upload, log) = begin(uploads);
        upload.write(counted(30 * MIB, 0)).await.unwrap();
        drop(upload);
        // The paused clock moves on only when all tasks are idle.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!((count(&log, "DELETE"), count(&log, "POST")), (1, 1));
    }
}
