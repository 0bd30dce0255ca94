//! The bands of a cell, as the fuse core reads them: from plain threads, while they arrive.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tilefleet_common::aws::{ObjectError, ObjectReader};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::fuse::Source;

/// An object in S3 as a [`Source`]. Reading blocks the thread until the bytes are there, the object
/// cannot be had, or the work is cancelled. Not for threads that drive the runtime.
#[derive(Debug)]
pub struct ObjectSource {
    reader: ObjectReader,
    runtime: Handle,
    cancel: CancellationToken,
    waited_ns: AtomicU64,
}

impl ObjectSource {
    /// Reads through `reader`, on `runtime`, until `cancel` says stop.
    pub fn new(reader: ObjectReader, runtime: Handle, cancel: CancellationToken) -> Self {
        Self {
            reader,
            runtime,
            cancel,
            waited_ns: AtomicU64::new(0),
        }
    }

    /// The object.
    pub fn reader(&self) -> &ObjectReader {
        &self.reader
    }

    /// How long threads have waited for bytes, all of them together.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed))
    }
}

impl Source for ObjectSource {
    fn len(&self) -> u64 {
        self.reader.len()
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.start > range.end || range.end > self.reader.len() {
            let detail = format!(
                "bytes {} to {} of {}",
                range.start,
                range.end,
                self.reader.len()
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, detail));
        }
        let begun = Instant::now();
        let read = self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(io::Error::other("the work was cancelled")),
                read = self.reader.read(range) => read.map_err(io::Error::other),
            }
        });
        let waited = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(waited, Ordering::Relaxed);
        read
    }
}

/// Why an [`ObjectSource`] failed, out of the error that it failed with.
pub fn object_error(error: &io::Error) -> Option<&ObjectError> {
    error.get_ref()?.downcast_ref()
}
