//! Reading the lines of an object.

use bytes::{Bytes, BytesMut};

use super::range::{RANGE, RangeError, RangeGet};
use crate::aws::s3::error::ObjectError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// The lines of an object, read range by range, so that a manifest of a million cells needs no
/// memory.
///
/// All ranges are of one version of the object. Memory: about 8 MiB and the longest line.
#[derive(Debug)]
pub struct ObjectLines {
    get: RangeGet,
    /// Of the first range; the others must have the same.
    etag: Option<String>,
    /// Bytes read so far.
    read: u64,
    /// Length of the object in bytes, known after the first range.
    total: Option<u64>,
    buffer: BytesMut,
    /// Bytes at the start of the buffer that contain no line end.
    searched: usize,
}

impl ObjectLines {
    /// The lines of `object`, whose bucket is in `region`, or in the fleet's own if that is `None`.
    pub fn of(store: &ObjectStore, object: &S3Url, region: Option<&str>) -> Self {
        Self {
            get: RangeGet {
                store: store.clone(),
                object: object.clone(),
                region: region.map(str::to_owned),
                request_payer: false,
            },
            etag: None,
            read: 0,
            total: None,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line, without its line end; `None` after the last.
    ///
    /// # Errors
    /// [`ObjectError`] when the object cannot be read.
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
            self.read_range().await?;
        }
    }

    /// Adds the next range to the buffer.
    async fn read_range(&mut self) -> Result<(), ObjectError> {
        let range = self.read..self.read + RANGE;
        match self.get.read(range, self.etag.as_deref()).await {
            Ok(body) => {
                self.buffer.extend_from_slice(&body.bytes);
                self.read += body.bytes.len() as u64;
                self.total = Some(body.total);
                self.etag = Some(body.etag);
                Ok(())
            }
            // The object is empty.
            Err(RangeError::NotSatisfiable) => {
                self.total = Some(self.read);
                Ok(())
            }
            Err(error) => Err(match self.get.object_error(error) {
                // Manifests lie in the fleet's own bucket, so the advice to pay would mislead.
                ObjectError::DeniedWithoutPaying { cause } => ObjectError::Call(cause),
                error => error,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned::Log;
    use crate::aws::s3::canned::{error, range, store};

    /// Serves the ranges of `whole`; of the first `broken` responses only the headers arrive.
    fn lines(whole: Vec<u8>, broken: usize) -> (ObjectLines, Log) {
        let (store, log) = store(move |n, request| {
            if whole.is_empty() {
                return error(416, "InvalidRange", vec![]);
            }
            let (status, headers, mut body) = range(&whole, request, "tag");
            if n < broken {
                body.clear();
            }
            (status, headers, body)
        });
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
                .all(|request| request.header("if-match") == "\"tag\"")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_off_is_read_again() {
        assert_eq!(all(lines(b"a\nb\n".to_vec(), 2).0).await, ["a", "b"]);
        let mut always = lines(b"a\nb\n".to_vec(), 9).0;
        assert!(matches!(
            always.next().await,
            Err(ObjectError::Incomplete { .. })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_manifest_does_not_advise_to_pay() {
        let (store, _) = store(|_, _| error(403, "AccessDenied", vec![]));
        let mut lines = ObjectLines::of(&store, &"s3://bucket/manifest".parse().unwrap(), None);
        let error = lines.next().await.unwrap_err().to_string();
        assert!(
            error.ends_with("the role needs s3:GetObject on it"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_object_has_no_lines() {
        assert!(all(lines(vec![], 0).0).await.is_empty());
    }
}
