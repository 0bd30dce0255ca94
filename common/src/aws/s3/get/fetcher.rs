//! Fetching the ranges of an object ahead of its reader.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::digest::RunningDigest;
use super::range::{RANGE, RangeBody, RangeGet};
use super::read_ahead::{Lookup, ReadAhead};
use crate::aws::s3::error::ObjectError;

/// What a reader shares with the task that reads ahead, [`Fetcher::fetch_ahead`].
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) get: RangeGet,
    /// Length of the object in bytes.
    pub(super) total: u64,
    pub(super) etag: String,
    /// The digest that the whole object should have, if it is known.
    pub(super) md5: Option<String>,
    state: Mutex<State>,
    /// Bytes that arrived so far.
    received: AtomicU64,
    /// Wakes the task: the window may have room.
    room: Notify,
    /// Wakes readers: a range arrived, or the task failed.
    arrival: Notify,
}

#[derive(Debug)]
struct State {
    window: ReadAhead,
    /// Why the task ended.
    failed: Option<ObjectError>,
    /// The digest that the whole object has.
    digest: Option<String>,
}

impl Fetcher {
    /// A fetcher with a window of `window` bytes, for the object whose first range is `first`.
    pub(super) fn new(get: RangeGet, first: RangeBody, window: u64) -> Self {
        let capacity = usize::try_from(window / RANGE).unwrap_or(usize::MAX);
        Self {
            get,
            total: first.total,
            etag: first.etag,
            received: AtomicU64::new(first.bytes.len() as u64),
            state: Mutex::new(State {
                window: ReadAhead::new(first.total, first.bytes, capacity, first.md5.is_some()),
                failed: None,
                digest: None,
            }),
            md5: first.md5,
            room: Notify::new(),
            arrival: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that arrived so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Waits until a range arrives or the task fails.
    pub(super) fn arrival(&self) -> Notified<'_> {
        self.arrival.notified()
    }

    /// Begins to read ahead, if that has not begun.
    pub(super) fn start(&self) {
        self.state().window.start();
        self.room.notify_one();
    }

    /// Marks these bytes of the object as read.
    pub(super) fn mark_read(&self, range: &Range<u64>) {
        self.state().window.mark_read(range);
        self.room.notify_one();
    }

    /// Sends everything through the digest that has not passed it yet.
    pub(super) fn drain(&self) {
        self.state().window.drain();
        self.room.notify_one();
    }

    /// Looks for the range of this index in the window, which may move on for it.
    pub(super) fn lookup(&self, index: u64) -> Result<Lookup, ObjectError> {
        let mut state = self.state();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        let lookup = state.window.lookup(index);
        if lookup == Lookup::Pending {
            self.room.notify_one();
        }
        Ok(lookup)
    }

    /// The digest of the whole object, once all of it has passed.
    pub(super) fn digest(&self) -> Result<Option<String>, ObjectError> {
        let state = self.state();
        match &state.failed {
            Some(error) => Err(error.clone()),
            None => Ok(state.digest.clone()),
        }
    }

    /// Reads `range` by a request of its own.
    pub(super) async fn fetch(&self, range: Range<u64>) -> Result<Bytes, ObjectError> {
        let body = self.get.read(range, Some(&self.etag)).await;
        let bytes = body.map_err(|error| self.get.object_error(error))?.bytes;
        self.received
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Keeps the window filled and the digest going, until a range cannot be read. The reader
    /// aborts it when it is dropped.
    pub(super) async fn fetch_ahead(self: Arc<Self>) {
        let mut in_flight = FuturesUnordered::new();
        let mut digest = RunningDigest::new(self.md5.is_some());
        loop {
            // Request what the window has room for.
            while let Some((index, range)) = self.next_request() {
                let fetcher = &self;
                in_flight.push(async move { (index, fetcher.fetch(range).await) });
            }
            // Digest the next range, if it has arrived and the one before is done.
            if digest.is_idle() {
                let next = self.state().window.next_to_digest();
                if let Some(bytes) = next {
                    digest.add(bytes);
                }
            }
            // Wait for the first of: a range, the digest of one, room in the window.
            tokio::select! {
                Some((index, fetched)) = in_flight.next() => match fetched {
                    Ok(bytes) => self.state().window.insert(index, bytes),
                    Err(error) => {
                        self.state().failed = Some(error);
                        self.arrival.notify_waiters();
                        return;
                    }
                },
                () = digest.added() => {
                    let mut state = self.state();
                    if state.window.mark_digested() {
                        state.digest = digest.finish();
                    }
                }
                () = self.room.notified() => continue,
            }
            self.arrival.notify_waiters();
        }
    }

    /// The next range to request, and its bytes.
    fn next_request(&self) -> Option<(u64, Range<u64>)> {
        let mut state = self.state();
        let index = state.window.next_request()?;
        Some((index, state.window.byte_range(index)))
    }
}
