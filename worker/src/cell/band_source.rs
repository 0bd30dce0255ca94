//! A band in S3 as the fuse core reads it: from plain threads, while it arrives.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tilefleet_common::aws::{ObjectError, ObjectReader, ObjectStore, ReadOptions};
use tilefleet_common::domain::S3Url;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use tilefleet_fuse::{Band, Source};

/// Bytes of a band that are in memory or on their way at a time. Three requests side by side bring
/// well over the 25 MB a second that two cores decode of all bands together.
pub const WINDOW_BYTES: u64 = 24 << 20;

/// An object in S3 as a [`Source`]. A read blocks its thread until the bytes are there, the object
/// turns out to be unreadable, or the work is cancelled: it is not for threads that drive the
/// runtime.
#[derive(Debug)]
pub struct ObjectSource {
    reader: ObjectReader,
    runtime: Handle,
    cancel: CancellationToken,
    waited_ns: AtomicU64,
}

impl ObjectSource {
    /// Opens `object` on the current runtime, to be read until `cancel` is cancelled.
    ///
    /// # Errors
    /// [`ObjectError`] when it cannot be opened.
    pub async fn open(
        objects: &ObjectStore,
        object: &S3Url,
        options: ReadOptions,
        cancel: &CancellationToken,
    ) -> Result<Arc<Self>, ObjectError> {
        Ok(Arc::new(Self {
            reader: ObjectReader::open(objects, object, options).await?,
            runtime: Handle::current(),
            cancel: cancel.clone(),
            waited_ns: AtomicU64::new(0),
        }))
    }

    /// The object as the band `name`, which messages call `source`.
    pub fn band(self: &Arc<Self>, name: &str, source: String) -> Band {
        Band {
            name: name.to_owned(),
            source,
            bytes: Arc::<Self>::clone(self),
        }
    }

    /// The reader of the object.
    pub fn reader(&self) -> &ObjectReader {
        &self.reader
    }

    /// How long threads have waited for bytes, summed over all of them.
    pub fn wait_time(&self) -> Duration {
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

/// Compares every object with its digest, where it has one.
///
/// # Errors
/// The [`ObjectError`] of an object that differs or cannot be read.
pub async fn verify(sources: &[Arc<ObjectSource>]) -> Result<(), ObjectError> {
    let verified = sources.iter().map(|source| source.reader().verify());
    futures::future::try_join_all(verified).await.map(|_| ())
}

/// The [`ObjectError`] inside the error of an [`ObjectSource`].
pub fn object_error(error: &io::Error) -> Option<&ObjectError> {
    error.get_ref()?.downcast_ref()
}
