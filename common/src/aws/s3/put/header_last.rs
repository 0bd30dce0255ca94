use bytes::Bytes;

use super::body::Pieces;
use super::multipart::{LEAST, Multipart, PART, PARTS_AT_ONCE, Target};
use super::upload::{Existing, Stored};
use crate::aws::error::AwsError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// Parts that the head is cut into. They have the numbers 1 to this, the body has those that
/// follow.
///
/// A number cannot be left out: part numbers must run from 1 without gaps where parts have
/// checksums (S3 API reference, `CompletedPart`). So all of them are used, whatever the length of
/// the head; each takes up to 5 GiB.
pub const HEAD_PARTS: usize = 2;
/// The beginning of the body that is kept back until the head is known, so that a short head can be
/// filled up to [`HEAD_PARTS`] parts of [`LEAST`].
const FRONT: usize = LEAST * HEAD_PARTS;

/// An upload of an object whose head is known last: the body travels in parts while it is made, the
/// head follows with the first part numbers. An object of at most 8 MiB is put by one request at
/// the end.
///
/// Memory: at most 6 parts of 8 MiB and what is kept back of the body, 10 MiB; and the head while
/// it is sent.
///
/// Nothing is visible before [`HeaderLastUpload::finish_with_head`]. Dropped before, it is aborted in
/// the background.
#[derive(Debug)]
pub struct HeaderLastUpload {
    target: Target,
    /// The first bytes of the body, up to [`FRONT`].
    front: Pieces,
    /// What follows and is no part yet.
    rest: Pieces,
    bytes: u64,
    /// Number of the next part of the body.
    next: usize,
    multipart: Option<Multipart>,
}

impl HeaderLastUpload {
    /// Bytes that it has in memory at most, the head not included.
    pub const MEMORY: u64 = (FRONT + 6 * PART) as u64;

    /// Begins the upload of `object`, whose bucket is in `region` if that is not the fleet's own.
    /// One that is there is replaced.
    pub fn begin(
        store: &ObjectStore,
        object: &S3Url,
        region: Option<&str>,
        content_type: &'static str,
    ) -> Self {
        Self {
            target: Target::new(store, object, region, content_type, Existing::Replace),
            front: Pieces::default(),
            rest: Pieces::default(),
            bytes: 0,
            next: HEAD_PARTS + 1,
            multipart: None,
        }
    }

    /// Adds bytes at the end of the body; waits while too many parts are on their way.
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

    async fn send(&mut self, part: Pieces) -> Result<(), AwsError> {
        let multipart = match &mut self.multipart {
            Some(multipart) => multipart,
            none => none.insert(self.target.create(PARTS_AT_ONCE).await?),
        };
        multipart.send(self.next, part).await?;
        self.next += 1;
        Ok(())
    }

    /// Puts `head` in front of the body, and makes the object visible, whole, or not at all.
    ///
    /// # Errors
    /// [`AwsError`] when a request failed; the upload is then aborted.
    pub async fn finish_with_head(mut self, head: Vec<Bytes>) -> Result<Stored, AwsError> {
        let mut head: Pieces = head.into_iter().collect();
        let bytes = self.bytes + head.len() as u64;
        head.append(std::mem::take(&mut self.front));
        let mut rest = std::mem::take(&mut self.rest);
        if let Some(mut multipart) = self.multipart.take() {
            // Never empty: a part is cut off only when something follows.
            multipart.send(self.next, rest).await?;
            for number in 1..=HEAD_PARTS {
                let share = head.len() / (HEAD_PARTS - number + 1);
                multipart.send(number, head.split_to(share)).await?;
            }
            return multipart.complete(bytes).await;
        }
        head.append(std::mem::take(&mut rest));
        if head.len() <= PART {
            return self.target.put(head.join()).await;
        }
        // The body is short and nothing of it is sent: the parts are cut one after the other.
        let mut multipart = self.target.create(PARTS_AT_ONCE).await?;
        let mut number = 1;
        while !head.is_empty() {
            multipart.send(number, head.split_to(PART)).await?;
            number += 1;
        }
        multipart.complete(bytes).await
    }

    /// Gives the upload up: nothing of it is left, as far as S3 can be reached.
    pub async fn abort(mut self) {
        if let Some(multipart) = &mut self.multipart {
            multipart.abort().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;
    use crate::aws::canned::s3::{count, part_number, store, uploads};
    use crate::aws::canned::{Answer, Asked, Log};

    const MIB: usize = 1 << 20;

    fn begin(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (HeaderLastUpload, Log) {
        let (store, log) = store(move |_, asked| answer(asked));
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

    /// Bytes that tell where they are from.
    fn counted(length: usize, salt: u8) -> Bytes {
        (0..length)
            .map(|n| u8::try_from(n % 251).unwrap() ^ salt)
            .collect::<Vec<_>>()
            .into()
    }

    /// The object that S3 would make of the parts, by number, and their lengths.
    fn assembled(log: &Log) -> (Vec<u8>, Vec<usize>) {
        let mut parts: Vec<(u32, Bytes)> = log
            .requests()
            .iter()
            .filter_map(|asked| Some((part_number(asked)?, asked.bytes.clone())))
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
    async fn the_head_comes_last_and_stands_first_whatever_the_lengths() {
        for (head_bytes, body_bytes) in [
            (100, 19 * MIB),
            (5 * MIB - 1, 40 * MIB),
            (64 * MIB + 1, 30 * MIB + 7),
            (9 * MIB, 0),
            (20 * MIB, 3 * MIB),
            (1, 18 * MIB),
        ] {
            let (head, body) = (counted(head_bytes, 0), counted(body_bytes, 0x55));
            let (mut upload, log) = begin(uploads);
            for piece in body.chunks(300_007) {
                upload.write(body.slice_ref(piece)).await.unwrap();
            }
            let pieces = head
                .chunks(70_001)
                .map(|piece| head.slice_ref(piece))
                .collect();
            let stored = upload.finish_with_head(pieces).await.unwrap();
            let bytes = (head_bytes + body_bytes) as u64;
            assert_eq!(
                stored,
                Stored::New {
                    etag: "\"whole\"".into(),
                    bytes
                }
            );
            let (object, lengths) = assembled(&log);
            assert!(
                object == [head, body].concat(),
                "{head_bytes} and {body_bytes}: {lengths:?}"
            );
            assert_eq!(count(&log, "POST"), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn parts_carry_a_checksum_and_no_signature_of_their_content() {
        let (mut upload, log) = begin(uploads);
        upload.write(counted(20 * MIB, 0)).await.unwrap();
        upload.finish_with_head(vec![counted(1, 0)]).await.unwrap();
        let requests = log.requests();
        let parts: Vec<_> = requests
            .iter()
            .filter(|asked| asked.method == "PUT")
            .collect();
        assert_eq!(parts.len(), 4);
        for part in parts {
            let crc: Pieces = std::iter::once(part.bytes.clone()).collect();
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
            .finish_with_head(vec![counted(5 * MIB, 1)])
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
            let (mut upload, log) = begin(move |asked| {
                if asked.uri.contains(refused) {
                    (
                        403,
                        vec![],
                        b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
                    )
                } else {
                    uploads(asked)
                }
            });
            let error = async {
                upload.write(counted(60 * MIB, 0)).await?;
                upload.finish_with_head(vec![counted(1, 0)]).await
            };
            assert_eq!(error.await.unwrap_err().kind(), AwsErrorKind::AccessDenied);
            assert_eq!(
                (count(&log, "DELETE"), count(&log, "POST")),
                (1, 1),
                "aborted, never completed"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_is_given_up_or_dropped_is_aborted() {
        let (mut upload, log) = begin(uploads);
        upload.write(counted(30 * MIB, 0)).await.unwrap();
        upload.abort().await;
        assert_eq!((count(&log, "DELETE"), count(&log, "POST")), (1, 1));

        let (mut upload, log) = begin(uploads);
        upload.write(counted(30 * MIB, 0)).await.unwrap();
        drop(upload);
        // The clock stands still as long as any task has something to do.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert_eq!((count(&log, "DELETE"), count(&log, "POST")), (1, 1));
    }
}
