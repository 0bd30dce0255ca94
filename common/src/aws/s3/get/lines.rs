use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::aws::error::AwsError;
use crate::aws::retry::Attempts;
use crate::aws::s3::store::{ObjectError, ObjectStore};
use crate::domain::S3Url;

/// Bytes that are read, and held, at a time.
const RANGE: u64 = 8 * 1024 * 1024;
/// Tries of a range whose body breaks off.
const READ_TRIES: u32 = 4;

/// The lines of an object, read range by range, so that a manifest of a million cells needs no
/// memory.
#[derive(Debug)]
pub struct ObjectLines {
    store: ObjectStore,
    object: S3Url,
    /// Of the first range; the others must be of the same version.
    etag: Option<String>,
    read: u64,
    total: Option<u64>,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to have no end of a line.
    searched: usize,
}

impl ObjectLines {
    /// The lines of `object`, whose bucket is in `region` if that is not the fleet's own.
    pub fn of(store: &ObjectStore, object: &S3Url, region: Option<&str>) -> Self {
        if let Some(region) = region {
            store.place(object.bucket(), region);
        }
        let (store, object) = (store.clone(), object.clone());
        Self {
            store,
            object,
            etag: None,
            read: 0,
            total: None,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line, without its end; `None` after the last.
    ///
    /// # Errors
    /// [`ObjectError`] when it cannot be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ObjectError> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(end) = unsearched.iter().position(|&byte| byte == b'\n') {
                let mut line = self.buffer.split_to(self.searched + end + 1).freeze();
                line.truncate(line.len() - 1);
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.total.is_some_and(|total| self.read >= total) {
                self.searched = 0;
                let rest = self.buffer.split().freeze();
                return Ok(Some(rest).filter(|rest| !rest.is_empty()));
            }
            let range = self.range().await?;
            self.buffer.extend_from_slice(&range);
        }
    }

    async fn range(&mut self) -> Result<Bytes, ObjectError> {
        let mut attempts = Attempts::new(READ_TRIES, Duration::from_millis(200));
        loop {
            let bucket = self.object.bucket();
            let get = self
                .store
                .client(bucket)
                .get_object()
                .bucket(bucket)
                .key(self.object.key())
                .range(format!("bytes={}-{}", self.read, self.read + RANGE - 1))
                .set_if_match(self.etag.clone());
            let answer = match get.send().await {
                Ok(answer) => answer,
                Err(error) if self.store.learn_region(bucket, &error) => continue,
                // Nothing of an empty object can be asked for (RFC 9110, section 15.5.17).
                Err(error)
                    if error
                        .raw_response()
                        .is_some_and(|answer| answer.status().as_u16() == 416) =>
                {
                    self.total = Some(self.read);
                    return Ok(Bytes::new());
                }
                Err(error) => {
                    return Err(
                        AwsError::new("s3", "GetObject", &self.object.to_string(), &error).into(),
                    );
                }
            };
            let length = answer
                .content_length()
                .and_then(|length| u64::try_from(length).ok())
                .unwrap_or(0);
            let total = answer
                .content_range()
                .and_then(|range| range.rsplit('/').next()?.parse().ok());
            let etag = answer.e_tag().map(str::to_owned);
            let what = match answer.body.collect().await {
                Ok(body) => {
                    let bytes = body.into_bytes();
                    if bytes.len() as u64 == length && length > 0 {
                        self.read += length;
                        self.total = Some(total.unwrap_or(self.read));
                        self.etag = etag;
                        return Ok(bytes);
                    }
                    format!("{} of {length} bytes at {}", bytes.len(), self.read)
                }
                Err(error) => error.to_string(),
            };
            if !attempts.again().await {
                return Err(ObjectError::Damaged {
                    object: self.object.clone(),
                    what,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned::{self, Log};

    /// Serves `whole` by the ranges asked for, or nothing of the first `broken` answers but their
    /// headers.
    fn lines(whole: Vec<u8>, broken: usize) -> (ObjectLines, Log) {
        let (client, log) = canned::client(move |n, asked| {
            let bounds = asked
                .header("range")
                .trim_start_matches("bytes=")
                .to_owned();
            let (start, end) = bounds.split_once('-').unwrap();
            let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
            if start >= whole.len() {
                return (416, vec![], vec![]);
            }
            let body = &whole[start..=end.min(whole.len() - 1)];
            let headers = vec![
                ("etag", "\"tag\"".to_owned()),
                (
                    "content-range",
                    format!("bytes {start}-{end}/{}", whole.len()),
                ),
                ("content-length", body.len().to_string()),
            ];
            (
                206,
                headers,
                if n < broken { vec![] } else { body.to_vec() },
            )
        });
        let store = ObjectStore::new(canned::config!(aws_sdk_s3, client).force_path_style(true));
        (
            ObjectLines::of(&store, &"s3://bucket/manifest".parse().unwrap(), None),
            log,
        )
    }

    async fn all(mut lines: ObjectLines) -> Vec<Bytes> {
        let mut all = vec![];
        while let Some(line) = lines.next().await.unwrap() {
            all.push(line);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_whole_across_ranges_of_one_version() {
        let expected: Vec<String> = (0..200_000).map(|n| format!("{n:0>100}")).collect();
        let (lines, log) = lines(expected.join("\n").into_bytes(), 0);
        let read = all(lines).await;
        assert!(
            read.iter()
                .zip(&expected)
                .all(|(line, expected)| line == expected.as_bytes())
        );
        assert_eq!((read.len(), log.requests().len()), (200_000, 3));
        assert!(
            log.requests()[1..]
                .iter()
                .all(|asked| asked.header("if-match") == "\"tag\"")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_off_is_read_again() {
        assert_eq!(all(lines(b"a\nb\n".to_vec(), 2).0).await, ["a", "b"]);
        let mut always = lines(b"a\nb\n".to_vec(), 9).0;
        assert!(matches!(
            always.next().await,
            Err(ObjectError::Damaged { .. })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_object_has_no_lines() {
        assert!(all(lines(vec![], 0).0).await.is_empty());
    }
}
