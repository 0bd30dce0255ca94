//! The upload of a raster while it is made: plain threads write its body, an async task sends it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tilefleet_common::aws::{AwsError, ClosedUpload, HeaderLastUpload};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use tilefleet_fuse::Output;

/// Compressed tiles that can wait for the upload.
const QUEUED_TILES: usize = 8;
/// The largest compressed tile of a raster, in bytes.
const MAX_TILE_BYTES: u64 = 3 << 19;
/// How long aborting an upload can take before it is left to the bucket's lifecycle rule.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A request failed.
    #[error(transparent)]
    Upload(#[from] AwsError),
    /// The work was cancelled.
    #[error("the upload was stopped; the cell is retried")]
    Stopped,
}

/// Takes the body of a raster. Blocks while the upload is behind, so it is not for threads that
/// drive the runtime.
#[derive(Debug)]
pub struct BodyWriter {
    tiles: mpsc::Sender<Bytes>,
    waited_ns: AtomicU64,
}

impl BodyWriter {
    /// How long threads have waited for the upload, summed over all of them.
    pub fn wait_time(&self) -> Duration {
        Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed))
    }
}

impl Output for BodyWriter {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        let begun = Instant::now();
        let sent = self.tiles.blocking_send(bytes);
        let waited = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(waited, Ordering::Relaxed);
        // The reason is in the upload itself.
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload has ended"))
    }
}

/// An upload that takes its body from a `BodyWriter`. Nothing is visible before the upload that
/// [`Publication::close`] returns is published.
#[derive(Debug)]
pub struct Publication {
    uploading: JoinHandle<Result<HeaderLastUpload, PublishError>>,
    cancel: CancellationToken,
}

impl Publication {
    /// Upper bound in bytes of what it has in memory, without the head.
    pub const MEMORY: u64 = HeaderLastUpload::MEMORY + (QUEUED_TILES as u64 + 1) * MAX_TILE_BYTES;

    /// Starts to upload what the writer takes. When `cancel` is cancelled, the upload is aborted.
    pub fn start(mut upload: HeaderLastUpload, cancel: &CancellationToken) -> (Self, BodyWriter) {
        let (tiles, mut queued) = mpsc::channel::<Bytes>(QUEUED_TILES);
        let cancelled = cancel.clone();
        let uploading = tokio::spawn(async move {
            let sending = async {
                while let Some(tile) = queued.recv().await {
                    upload.write(tile).await?;
                }
                Ok::<(), AwsError>(())
            };
            let sent = tokio::select! {
                biased;
                () = cancelled.cancelled() => None,
                sent = sending => Some(sent),
            };
            if let Some(sent) = sent {
                sent.map(|()| upload).map_err(PublishError::Upload)
            } else {
                upload.abort().await;
                Err(PublishError::Stopped)
            }
        });
        let writer = BodyWriter {
            tiles,
            waited_ns: AtomicU64::new(0),
        };
        (
            Self {
                uploading,
                cancel: cancel.clone(),
            },
            writer,
        )
    }

    /// Waits until the body is uploaded, whose `BodyWriter` must have been dropped, and puts
    /// `head` in front of it. Nothing is visible yet.
    ///
    /// # Errors
    /// `PublishError`; then nothing will be visible.
    pub async fn close(self, head: Vec<Bytes>) -> Result<ClosedUpload, PublishError> {
        let upload = self.uploading.await.map_err(|_| PublishError::Stopped)??;
        Ok(upload.close_with_header(head).await?)
    }

    /// Why the upload ended before its body did.
    pub async fn error(self) -> PublishError {
        match self.uploading.await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => PublishError::Stopped,
        }
    }

    /// Aborts the upload, unless S3 takes too long for that.
    pub async fn abort(self) {
        self.cancel.cancel();
        let aborted = tokio::time::timeout(ABORT_TIMEOUT, self.uploading);
        if aborted.await.is_err() {
            tracing::warn!(
                "an aborted upload did not end in time; it is left to the bucket's lifecycle rule"
            );
        }
    }
}
