use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use md5::{Digest as _, Md5};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};

use super::range::{RANGE, RangeError, Reading};
use super::read_ahead::{Place, Window};
use crate::aws::s3::store::{ObjectError, ObjectStore};
use crate::domain::S3Url;

/// Bytes from the beginning of an object that stay in memory: headers are read again and again, in
/// drops.
const HEAD: usize = 64 * 1024;
/// Digesting less than this is not worth a thread; 1 MiB takes about 2 ms.
const DIGESTED_INLINE: usize = 1024 * 1024;

/// How to read an object.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Offer to pay for the requests.
    pub request_payer: bool,
    /// Bytes that the object may have.
    pub limit: u64,
    /// Bytes that are in memory or on their way at a time, at least 16 MiB; a multiple of 8 MiB, to
    /// be of use.
    pub window: u64,
}

/// An object that is read while it arrives.
///
/// The first range tells the length and the entity tag, which pins all others to the same version.
/// From then on ranges are fetched side by side in the order of the file, a window ahead of the
/// reader, and dropped behind it. What a reader wants outside the window costs a request of its
/// own, of just these bytes.
///
/// Memory: the window, 64 KiB, and what readers hold of what they were given, which are slices of
/// ranges.
///
/// Dropping it ends what is on its way.
#[derive(Debug)]
pub struct ObjectReader {
    shared: Arc<Shared>,
    head: Bytes,
    ahead: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    reading: Reading,
    total: u64,
    etag: String,
    /// The digest that the whole object should have, if it is known.
    md5: Option<String>,
    state: Mutex<State>,
    received: AtomicU64,
    /// For the one task that reads ahead: there may be room in the window.
    room: Notify,
    /// For readers: something arrived, or nothing will.
    news: Notify,
}

#[derive(Debug)]
struct State {
    window: Window,
    failed: Option<ObjectError>,
    /// The digest that the whole object has.
    digest: Option<String>,
}

impl ObjectReader {
    /// Opens `object` with its first range; nothing more is fetched before it is wanted.
    ///
    /// # Errors
    /// [`ObjectError`] when there is no such object, it may not be read, or it is larger than the
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
        let reading = Reading {
            store: store.clone(),
            object: object.clone(),
            request_payer,
        };
        let (bytes, total, etag, md5) = match reading.range(0..RANGE, None).await {
            Ok(first) => (first.bytes, first.total, first.etag, first.md5),
            Err(RangeError::Empty) => (Bytes::new(), 0, String::new(), None),
            Err(error) => return Err(reading.object_error(error)),
        };
        if total > limit {
            return Err(ObjectError::TooLarge {
                object: object.clone(),
                bytes: total,
                limit,
            });
        }
        let head = Bytes::copy_from_slice(bytes.get(..HEAD).unwrap_or(&bytes));
        let received = AtomicU64::new(bytes.len() as u64);
        let most = usize::try_from(window / RANGE).unwrap_or(usize::MAX);
        let window = Window::new(total, bytes, most, md5.is_some());
        let shared = Arc::new(Shared {
            reading,
            total,
            etag,
            md5,
            state: Mutex::new(State {
                window,
                failed: None,
                digest: None,
            }),
            received,
            room: Notify::new(),
            news: Notify::new(),
        });
        let ahead = tokio::spawn(Arc::clone(&shared).read_ahead()).abort_handle();
        Ok(Self {
            shared,
            head,
            ahead,
        })
    }

    /// Length of the object in bytes.
    pub fn len(&self) -> u64 {
        self.shared.total
    }

    /// The object has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entity tag of the version that is read; empty for an empty object.
    pub fn etag(&self) -> &str {
        &self.shared.etag
    }

    /// The first 64 KiB, or what the object has of them.
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// Bytes that arrived so far.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Fills the window, before anything of it is asked for. Without this, reading ahead begins
    /// where the first read begins that needs more than the first range.
    pub fn read_ahead(&self) {
        self.shared.state().window.read_ahead();
        self.shared.room.notify_one();
    }

    /// The bytes of `range`, or what the object has of it; waits until they are there.
    ///
    /// # Errors
    /// [`ObjectError`]; once reading ahead has failed, every further read fails alike.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, ObjectError> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if range.end <= self.head.len() as u64 {
            self.was_read(&range);
            return Ok(slice(&self.head, &range, 0));
        }
        let (first, last) = (range.start / RANGE, (range.end - 1) / RANGE);
        if first == last {
            return self.piece(first, &range).await;
        }
        let mut whole =
            BytesMut::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
        for index in first..=last {
            let start = index * RANGE;
            let piece = range.start.max(start)..range.end.min(start + RANGE);
            whole.extend_from_slice(&self.piece(index, &piece).await?);
        }
        Ok(whole.freeze())
    }

    /// The bytes of `range`, which lies in the range of this index.
    async fn piece(&self, index: u64, range: &Range<u64>) -> Result<Bytes, ObjectError> {
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            // Before looking, so that nothing is missed in between.
            news.as_mut().enable();
            match self.shared.look(index)? {
                Place::Here(bytes) => {
                    self.was_read(range);
                    return Ok(slice(&bytes, range, index * RANGE));
                }
                Place::Coming => {
                    self.shared.room.notify_one();
                    news.await;
                }
                Place::Outside => return self.shared.fetch(range.clone()).await,
            }
        }
    }

    fn was_read(&self, range: &Range<u64>) {
        self.shared.state().window.was_read(range);
        self.shared.room.notify_one();
    }

    /// Compares the whole object with its MD5 digest, where the entity tag is one; without one
    /// there is nothing to do. What nobody read is fetched for it. Whatever was made of the object
    /// is worth nothing before this has said yes.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`] when it does not fit, and what else reading can end with.
    pub async fn verify(&self) -> Result<(), ObjectError> {
        let Some(expected) = &self.shared.md5 else {
            return Ok(());
        };
        self.shared.state().window.drain();
        self.shared.room.notify_one();
        loop {
            let news = self.shared.news.notified();
            tokio::pin!(news);
            news.as_mut().enable();
            {
                let state = self.shared.state();
                if let Some(error) = &state.failed {
                    return Err(error.clone());
                }
                if let Some(digest) = &state.digest {
                    let damaged = || {
                        self.shared
                            .reading
                            .damaged(format!("md5 {digest} instead of {expected}"))
                    };
                    return if digest == expected {
                        Ok(())
                    } else {
                        Err(damaged())
                    };
                }
            }
            news.await;
        }
    }
}

impl Drop for ObjectReader {
    fn drop(&mut self) {
        self.ahead.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, index: u64) -> Result<Place, ObjectError> {
        let mut state = self.state();
        match &state.failed {
            Some(error) => Err(error.clone()),
            None => Ok(state.window.look(index)),
        }
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Bytes, ObjectError> {
        let arrived = self.reading.range(range, Some(&self.etag)).await;
        let bytes = arrived
            .map_err(|error| self.reading.object_error(error))?
            .bytes;
        self.received
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Keeps the window filled and the digest going, until it is dropped or a range cannot be had.
    async fn read_ahead(self: Arc<Self>) {
        let mut on_their_way = FuturesUnordered::new();
        let mut digest = Digest::new(self.md5.is_some());
        loop {
            loop {
                let asked = {
                    let mut state = self.state();
                    state
                        .window
                        .ask()
                        .map(|index| (index, state.window.bytes_of(index)))
                };
                let Some((index, range)) = asked else { break };
                let shared = &self;
                on_their_way.push(async move { (index, shared.fetch(range).await) });
            }
            if digest.is_idle() {
                let next = self.state().window.to_digest();
                if let Some(bytes) = next {
                    digest.add(bytes);
                }
            }
            tokio::select! {
                Some((index, fetched)) = on_their_way.next() => match fetched {
                    Ok(bytes) => self.state().window.arrived(index, bytes),
                    Err(error) => {
                        self.state().failed = Some(error);
                        self.news.notify_waiters();
                        return;
                    }
                },
                () = digest.added() => {
                    let mut state = self.state();
                    if state.window.was_digested() {
                        state.digest = digest.finish();
                    }
                }
                () = self.room.notified() => continue,
            }
            self.news.notify_waiters();
        }
    }
}

/// An MD5 digest that takes large pieces on a thread for blocking work.
enum Digest {
    Idle(Md5),
    Busy(JoinHandle<Md5>),
    Done(Md5),
    Off,
}

impl Digest {
    fn new(wanted: bool) -> Self {
        if wanted {
            Self::Idle(Md5::new())
        } else {
            Self::Off
        }
    }

    fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_))
    }

    fn add(&mut self, bytes: Bytes) {
        *self = match std::mem::replace(self, Self::Off) {
            Self::Idle(mut md5) if bytes.len() < DIGESTED_INLINE => {
                md5.update(&bytes);
                Self::Done(md5)
            }
            Self::Idle(mut md5) => Self::Busy(tokio::task::spawn_blocking(move || {
                md5.update(&bytes);
                md5
            })),
            other => other,
        };
    }

    /// Waits for the piece that was added last; for ever when there is none.
    async fn added(&mut self) {
        let md5 = match self {
            Self::Busy(thread) => thread.await.ok(),
            Self::Done(md5) => Some(md5.clone()),
            Self::Idle(_) | Self::Off => std::future::pending().await,
        };
        // A digest neither panics nor is it aborted.
        *self = md5.map_or(Self::Off, Self::Idle);
    }

    fn finish(&mut self) -> Option<String> {
        match std::mem::replace(self, Self::Off) {
            Self::Idle(md5) => Some(hex(&md5.finalize())),
            _ => None,
        }
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

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::canned::s3::{bounds, error, range, store};
    use crate::aws::canned::{Answer, Asked, Log};

    const MIB: u64 = 1 << 20;

    fn whole(length: u64) -> Vec<u8> {
        (0..u32::try_from(length).unwrap())
            .map(|n| n.to_le_bytes()[1] ^ n.to_le_bytes()[0])
            .collect()
    }

    async fn open(
        answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> (Result<ObjectReader, ObjectError>, Log) {
        let (store, log) = store(answer);
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
        let (reader, log) = open(move |_, asked| range(&served, asked, &etag)).await;
        (reader.unwrap(), log)
    }

    fn part(object: &[u8], range: Range<u64>) -> &[u8] {
        &object[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    }

    /// Until nothing moves any more: the clock stands still as long as any task has something to
    /// do.
    async fn settled() {
        tokio::time::sleep(Duration::from_mins(5)).await;
    }

    /// What was asked for, in units of a range.
    fn asked(log: &Log) -> Vec<(u64, u64)> {
        let bounds = |asked: &Asked| bounds(asked);
        let requests = log.requests();
        requests
            .iter()
            .map(bounds)
            .map(|(start, end)| (start as u64, end as u64 + 1))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_is_read_ahead_in_order_and_no_further() {
        let object = whole(50 * MIB);
        let (reader, log) = reader(&object, "multipart-3").await;
        settled().await;
        assert_eq!(log.requests().len(), 1, "nothing before it is wanted");
        reader.read_ahead();
        settled().await;
        assert_eq!(
            asked(&log),
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
                .all(|asked| asked.header("if-match") == "\"multipart-3\"")
        );
        assert!(
            log.requests()
                .iter()
                .all(|asked| asked.header("x-amz-request-payer") == "requester")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_lies_outside_the_window_costs_a_request_of_just_these_bytes() {
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
        let extra = asked(&log).split_off(before);
        let (start, far) = (RANGE - 5, 99 * MIB);
        assert_eq!(extra, [(start, RANGE), (RANGE, RANGE + 5), (far, far + 10)]);
        assert_eq!(
            reader.read(100 * MIB - 4..200 * MIB).await.unwrap(),
            part(&object, 100 * MIB - 4..100 * MIB)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_is_read_in_places_is_not_read_as_a_whole() {
        let object = whole(200 * MIB);
        let (reader, log) = reader(&object, "multipart-3").await;
        reader.read(150 * MIB..150 * MIB + 9).await.unwrap();
        settled().await;
        let first = 150 * MIB / RANGE * RANGE;
        let window = (0..3).map(|n| (first + n * RANGE, first + (n + 1) * RANGE));
        assert_eq!(
            asked(&log),
            [(0, RANGE)].into_iter().chain(window).collect::<Vec<_>>()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_that_is_replaced_meanwhile_is_no_mixture() {
        let object = whole(20 * MIB);
        let (reader, log) = open(move |n, asked| match n {
            0 => range(&object, asked, "old"),
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
            let words = "s3://scenes/B02.jp2 was replaced while it was read; try again when whoever writes it is done";
            assert_eq!(error.to_string(), words);
        }
        assert!(log.requests().len() <= 3, "it is not asked for again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_range_that_breaks_off_is_read_again_and_no_other() {
        let object = whole(20 * MIB);
        let served = object.clone();
        let (reader, log) = open(move |n, asked| {
            let (status, headers, mut body) = range(&served, asked, "multipart-2");
            if n == 1 || n == 2 {
                body.truncate(1000);
            }
            (status, headers, body)
        })
        .await;
        let reader = reader.unwrap();
        assert!(reader.read(0..20 * MIB).await.unwrap() == object);
        assert_eq!(log.requests().len(), 5);

        let (cut, log) = open(move |_, asked| {
            let (status, headers, mut body) = range(&object, asked, "multipart-2");
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
    async fn the_whole_is_held_against_its_digest_even_if_little_of_it_was_read() {
        let object = whole(50 * MIB + 1);
        let sound = hex(&Md5::digest(&object));
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
        let (reader, log) = reader(&object, &hex(&Md5::digest(&object))).await;
        let (reader, object) = (&reader, &object);
        // Four of them, each with every fourth megabyte, the last ones first.
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
