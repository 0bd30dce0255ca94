//! Reading an object while it arrives.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::task::AbortHandle;

use super::fetcher::Fetcher;
use super::range::{RANGE, RangeBody, RangeError, RangeGet};
use super::read_ahead::Lookup;
use crate::aws::s3::error::ObjectError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// Bytes from the start of an object that stay in memory: headers are read repeatedly, a few bytes
/// at a time.
const HEAD: usize = 64 * 1024;

/// How to read an object.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Whether to offer to pay for the requests.
    pub request_payer: bool,
    /// Bytes that the object may have at most.
    pub limit: u64,
    /// Bytes that are in memory or in flight at a time: a multiple of 8 MiB, at least 16 MiB.
    pub window: u64,
}

/// An object that is read while it arrives.
///
/// The first range gives the length and the entity tag; the entity tag pins all other ranges to the
/// same version. Further ranges are requested in the order of the file, a window ahead of the
/// reader, and dropped behind it. A read outside the window is a request of its own, for just its
/// bytes.
///
/// Memory: the window, 64 KiB, and the slices of ranges that readers hold.
///
/// Dropping the reader cancels the requests in flight.
///
/// ```no_run
/// use bytes::Bytes;
/// use tilefleet_common::aws::{ObjectError, ObjectReader, ObjectStore, ReadOptions};
/// use tilefleet_common::domain::S3Url;
///
/// async fn read_all(store: &ObjectStore, band: &S3Url) -> Result<Bytes, ObjectError> {
///     let options = ReadOptions { request_payer: true, limit: 1 << 30, window: 24 << 20 };
///     let reader = ObjectReader::open(store, band, options).await?;
///     let bytes = reader.read(0..reader.len()).await?;
///     reader.verify().await?;
///     Ok(bytes)
/// }
/// ```
#[derive(Debug)]
pub struct ObjectReader {
    fetcher: Arc<Fetcher>,
    head: Bytes,
    /// The task that reads ahead.
    task: AbortHandle,
}

impl ObjectReader {
    /// Opens `object` by reading its first range. Nothing more is requested before it is wanted.
    ///
    /// # Errors
    /// [`ObjectError`] when the object does not exist, may not be read, or is larger than the
    /// limit.
    pub async fn open(
        store: &ObjectStore,
        object: &S3Url,
        options: ReadOptions,
    ) -> Result<Self, ObjectError> {
        let ReadOptions {
            request_payer,
            limit,
            window,
        } = options;
        let get = RangeGet {
            store: store.clone(),
            object: object.clone(),
            region: None,
            request_payer,
        };
        // The first range says how large the object is and which version it has.
        let first = match get.read(0..RANGE, None).await {
            Ok(first) => first,
            Err(RangeError::NotSatisfiable) => RangeBody::empty(),
            Err(error) => return Err(get.object_error(error)),
        };
        if first.total > limit {
            return Err(ObjectError::TooLarge {
                object: object.clone(),
                bytes: first.total,
                limit,
            });
        }
        let head = Bytes::copy_from_slice(first.bytes.get(..HEAD).unwrap_or(&first.bytes));
        // A task fetches the others as soon as they are wanted.
        let fetcher = Arc::new(Fetcher::new(get, first, window));
        let task = tokio::spawn(Arc::clone(&fetcher).fetch_ahead()).abort_handle();
        Ok(Self {
            fetcher,
            head,
            task,
        })
    }

    /// Length of the object in bytes.
    pub fn len(&self) -> u64 {
        self.fetcher.total
    }

    /// Whether the object has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entity tag of the version that is read; empty for an empty object.
    pub fn etag(&self) -> &str {
        &self.fetcher.etag
    }

    /// The first 64 KiB, or all of a shorter object.
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// Bytes that arrived so far.
    pub fn received(&self) -> u64 {
        self.fetcher.received()
    }

    /// Fills the window before anybody reads from it. Without this, reading ahead begins with the
    /// first read beyond the first range, at its place.
    pub fn read_ahead(&self) {
        self.fetcher.start();
    }

    /// The bytes of `range`, cut at the end of the object; waits until they have arrived.
    ///
    /// # Errors
    /// [`ObjectError`]; once reading ahead has failed, every further read fails in the same way.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, ObjectError> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if range.end <= self.head.len() as u64 {
            self.fetcher.mark_read(&range);
            return Ok(slice(&self.head, &range, 0));
        }
        let (first, last) = (range.start / RANGE, (range.end - 1) / RANGE);
        if first == last {
            return self.read_within(first, &range).await;
        }
        let mut whole =
            BytesMut::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
        for index in first..=last {
            let start = index * RANGE;
            let part = range.start.max(start)..range.end.min(start + RANGE);
            whole.extend_from_slice(&self.read_within(index, &part).await?);
        }
        Ok(whole.freeze())
    }

    /// The bytes of `range`, which lies within the range of this index.
    async fn read_within(&self, index: u64, range: &Range<u64>) -> Result<Bytes, ObjectError> {
        loop {
            let arrival = self.fetcher.arrival();
            tokio::pin!(arrival);
            // Before the lookup, so that no arrival in between is missed.
            arrival.as_mut().enable();
            match self.fetcher.lookup(index)? {
                Lookup::Ready(bytes) => {
                    self.fetcher.mark_read(range);
                    return Ok(slice(&bytes, range, index * RANGE));
                }
                Lookup::Pending => arrival.await,
                Lookup::Miss => return self.fetcher.fetch(range.clone()).await,
            }
        }
    }

    /// Compares the whole object with its MD5 digest, if its entity tag is one, and returns at once
    /// otherwise. What nobody has read is fetched for it.
    ///
    /// Nothing made of the object may be published before this has returned without an error.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`] when the digest does not match, and the errors of
    /// [`ObjectReader::read`].
    pub async fn verify(&self) -> Result<(), ObjectError> {
        let Some(expected) = &self.fetcher.md5 else {
            return Ok(());
        };
        self.fetcher.drain();
        loop {
            let arrival = self.fetcher.arrival();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            if let Some(digest) = self.fetcher.digest()? {
                return if digest == *expected {
                    Ok(())
                } else {
                    let what = format!("md5 {digest} instead of {expected}");
                    Err(self.fetcher.get.damaged(what))
                };
            }
            arrival.await;
        }
    }
}

impl Drop for ObjectReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The bytes of `range` of the object in `bytes`, which begin at `start` of it.
fn slice(bytes: &Bytes, range: &Range<u64>, start: u64) -> Bytes {
    let within = |at: u64| {
        usize::try_from(at.saturating_sub(start))
            .unwrap_or(usize::MAX)
            .min(bytes.len())
    };
    bytes.slice(within(range.start)..within(range.end))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use md5::{Digest as _, Md5};

    use super::*;
    use crate::aws::canned::{Log, Request, Response};
    use crate::aws::s3::canned::{bounds, error, range, store};
    use crate::hex;

    const MIB: u64 = 1 << 20;

    fn whole(length: u64) -> Vec<u8> {
        (0..u32::try_from(length).unwrap())
            .map(|n| n.to_le_bytes()[1] ^ n.to_le_bytes()[0])
            .collect()
    }

    async fn open(
        respond: impl Fn(usize, &Request) -> Response + Send + Sync + 'static,
    ) -> (Result<ObjectReader, ObjectError>, Log) {
        let (store, log) = store(respond);
        let options = ReadOptions {
            request_payer: true,
            limit: 1 << 30,
            window: 3 * RANGE,
        };
        (
            ObjectReader::open(&store, &"s3://scenes/B02.jp2".parse().unwrap(), options).await,
            log,
        )
    }

    /// A reader of `whole` with this entity tag.
    async fn reader(whole: &[u8], etag: &str) -> (ObjectReader, Log) {
        let (served, etag) = (whole.to_vec(), etag.to_owned());
        let (reader, log) = open(move |_, request| range(&served, request, &etag)).await;
        (reader.unwrap(), log)
    }

    fn part(object: &[u8], range: Range<u64>) -> &[u8] {
        &object[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    }

    /// Waits until all tasks are idle: the paused clock moves on only then.
    async fn settled() {
        tokio::time::sleep(Duration::from_mins(5)).await;
    }

    /// First byte of each request, and the byte behind its last.
    fn requested(log: &Log) -> Vec<(u64, u64)> {
        let requests = log.requests();
        requests
            .iter()
            .map(bounds)
            .map(|(start, end)| (start as u64, end as u64 + 1))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_is_filled_in_order_and_no_further() {
        let object = whole(50 * MIB);
        let (reader, log) = reader(&object, "multipart-3").await;
        settled().await;
        assert_eq!(
            log.requests().len(),
            1,
            "nothing is requested before it is wanted"
        );
        reader.read_ahead();
        settled().await;
        assert_eq!(
            requested(&log),
            [(0, RANGE), (RANGE, 2 * RANGE), (2 * RANGE, 3 * RANGE)]
        );
        let mut at = 0;
        while at < reader.len() {
            let end = (at + 700_001).min(reader.len());
            assert!(
                reader.read(at..end).await.unwrap() == part(&object, at..end),
                "at {at}"
            );
            at = end;
        }
        settled().await;
        assert_eq!(
            log.requests().len() as u64,
            reader.len().div_ceil(RANGE),
            "each range once"
        );
        assert_eq!(reader.received(), reader.len());
        assert!(
            log.requests()[1..]
                .iter()
                .all(|request| request.header("if-match") == "\"multipart-3\"")
        );
        assert!(
            log.requests()
                .iter()
                .all(|request| request.header("x-amz-request-payer") == "requester")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_outside_the_window_requests_just_its_bytes() {
        let object = whole(100 * MIB);
        let (reader, log) = reader(&object, "multipart-3").await;
        reader.read_ahead();
        reader.read(0..3 * RANGE).await.unwrap();
        settled().await;
        let before = log.requests().len();
        assert_eq!(
            reader.read(1..60_000).await.unwrap(),
            object[1..60_000],
            "the header"
        );
        assert_eq!(log.requests().len(), before);
        for start in [RANGE - 5, 99 * MIB] {
            let wanted = start..start + 10;
            let bytes = reader.read(wanted.clone()).await.unwrap();
            assert_eq!(bytes, part(&object, wanted));
        }
        let extra = requested(&log).split_off(before);
        let (start, far) = (RANGE - 5, 99 * MIB);
        assert_eq!(extra, [(start, RANGE), (RANGE, RANGE + 5), (far, far + 10)]);
        assert_eq!(
            reader.read(100 * MIB - 4..200 * MIB).await.unwrap(),
            part(&object, 100 * MIB - 4..100 * MIB)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_of_which_a_part_is_read_is_not_fetched_whole() {
        let object = whole(200 * MIB);
        let (reader, log) = reader(&object, "multipart-3").await;
        reader.read(150 * MIB..150 * MIB + 9).await.unwrap();
        settled().await;
        let first = 150 * MIB / RANGE * RANGE;
        let window = (0..3).map(|n| (first + n * RANGE, first + (n + 1) * RANGE));
        assert_eq!(
            requested(&log),
            [(0, RANGE)].into_iter().chain(window).collect::<Vec<_>>()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn versions_of_an_object_that_is_replaced_meanwhile_are_never_mixed() {
        let object = whole(20 * MIB);
        let (reader, log) = open(move |n, request| match n {
            0 => range(&object, request, "old"),
            _ => error(412, "PreconditionFailed", vec![]),
        })
        .await;
        let reader = reader.unwrap();
        for _ in 0..2 {
            let error = reader.read(15 * MIB..16 * MIB).await.unwrap_err();
            assert!(
                error.is_retryable() && error.code() == "damaged_transfer",
                "{error}"
            );
            let message = "s3://scenes/B02.jp2 was replaced while it was read; try again when its writer has finished";
            assert_eq!(error.to_string(), message);
        }
        assert!(log.requests().len() <= 3, "it is not requested again");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_range_that_breaks_off_is_read_again() {
        let object = whole(20 * MIB);
        let served = object.clone();
        let (reader, log) = open(move |n, request| {
            let (status, headers, mut body) = range(&served, request, "multipart-2");
            if n == 1 || n == 2 {
                body.truncate(1000);
            }
            (status, headers, body)
        })
        .await;
        let reader = reader.unwrap();
        assert!(reader.read(0..20 * MIB).await.unwrap() == object);
        assert_eq!(log.requests().len(), 5);

        let (cut, log) = open(move |_, request| {
            let (status, headers, mut body) = range(&object, request, "multipart-2");
            body.truncate(1000);
            (status, headers, body)
        })
        .await;
        let error = cut.unwrap_err();
        assert!(
            error.is_retryable() && error.code() == "damaged_transfer",
            "{error}"
        );
        assert_eq!(log.requests().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_object_is_compared_with_its_digest_even_if_little_of_it_was_read() {
        let object = whole(50 * MIB + 1);
        let sound = hex::encode(&Md5::digest(&object));
        for places in [
            vec![],
            vec![0],
            vec![3, 45 * MIB],
            (0..50).map(|n| n * MIB).collect(),
        ] {
            let (reader, _) = reader(&object, &sound).await;
            for &start in &places {
                reader.read(start..start + MIB).await.unwrap();
            }
            reader.verify().await.unwrap();
            reader.verify().await.unwrap();
            let bytes = reader.read(MIB..2 * MIB).await.unwrap();
            assert!(bytes == part(&object, MIB..2 * MIB), "reading goes on");
        }
        let (reader, log) = reader(&object, "00000000000000000000000000000000").await;
        reader.read(0..50 * MIB).await.unwrap();
        let error = reader.verify().await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("md5 {sound} instead of 0000")),
            "{error}"
        );
        assert!(
            error.is_retryable() && error.code() == "damaged_transfer",
            "{error}"
        );
        assert_eq!(log.requests().len(), 7, "no second read");
    }

    #[tokio::test(start_paused = true)]
    async fn readers_side_by_side_all_get_their_bytes() {
        let object = whole(60 * MIB);
        let (reader, log) = reader(&object, &hex::encode(&Md5::digest(&object))).await;
        let (reader, object) = (&reader, &object);
        // Four readers, each of every fourth megabyte; the last one starts first.
        let readers = (0..4).rev().map(|mine| async move {
            for start in (mine..60).step_by(4).map(|n| n * MIB) {
                let bytes = reader.read(start..start + MIB).await.unwrap();
                assert!(bytes == part(object, start..start + MIB));
                tokio::task::yield_now().await;
            }
        });
        futures::future::join_all(readers).await;
        reader.verify().await.unwrap();
        assert_eq!(log.requests().len(), 8, "each range once");
    }
}
