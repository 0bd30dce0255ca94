//! The raster on its way to S3, as the fuse core writes it: from plain threads, while it is made.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tilefleet_common::aws::{AwsError, HeaderLastUpload, Stored};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::fuse::Output;

/// Pieces of the body that may wait for the upload. A piece is a compressed tile of the raster, of
/// at most 1.5 MiB.
const WAITING: usize = 8;
/// How long giving an upload up may take before it is left to the bucket's lifecycle rule.
const GIVE_UP: Duration = Duration::from_secs(5);

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A request failed.
    #[error(transparent)]
    Upload(#[from] AwsError),
    /// The work was cancelled.
    #[error("the upload was stopped; the cell is tried again")]
    Stopped,
}

/// Takes the body; blocks while the upload is behind. Not for threads that drive the runtime.
#[derive(Debug)]
pub struct Body {
    pieces: mpsc::Sender<Bytes>,
    waited_ns: AtomicU64,
}

impl Body {
    /// How long threads have waited for room, all of them together.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed))
    }
}

impl Output for Body {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        let begun = Instant::now();
        let sent = self.pieces.blocking_send(bytes);
        let waited = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(waited, Ordering::Relaxed);
        // Why it ended is told by the upload itself.
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the upload has ended"))
    }
}

/// An upload that is fed by a [`Body`]. Nothing is visible before [`Publication::finish`] has said
/// so.
#[derive(Debug)]
pub struct Publication {
    uploading: JoinHandle<Result<HeaderLastUpload, PublishError>>,
    cancel: CancellationToken,
}

impl Publication {
    /// Bytes in memory at most, the head not included.
    pub const MEMORY: u64 = HeaderLastUpload::MEMORY + (WAITING as u64 + 1) * (3 << 19);

    /// Begins to upload what the body takes. When `cancel` says stop, the upload is aborted.
    pub fn begin(mut upload: HeaderLastUpload, cancel: &CancellationToken) -> (Self, Body) {
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let stop = cancel.clone();
        let uploading = tokio::spawn(async move {
            let filling = async {
                while let Some(piece) = waiting.recv().await {
                    upload.write(piece).await?;
                }
                Ok::<(), AwsError>(())
            };
            let filled = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                filled = filling => Some(filled),
            };
            if let Some(filled) = filled {
                filled.map(|()| upload).map_err(PublishError::Upload)
            } else {
                upload.abort().await;
                Err(PublishError::Stopped)
            }
        });
        let body = Body {
            pieces,
            waited_ns: AtomicU64::new(0),
        };
        (
            Self {
                uploading,
                cancel: cancel.clone(),
            },
            body,
        )
    }

    /// Waits for the body, whose [`Body`] is gone by now, and puts `head` in front of it: the
    /// object becomes visible.
    ///
    /// # Errors
    /// [`PublishError`]; nothing is visible then.
    pub async fn finish(self, head: Vec<Bytes>) -> Result<Stored, PublishError> {
        let upload = self.uploading.await.map_err(|_| PublishError::Stopped)??;
        Ok(upload.finish_with_header(head).await?)
    }

    /// Why the upload ended before its body did.
    pub async fn cause(self) -> PublishError {
        match self.uploading.await {
            Ok(Err(error)) => error,
            Ok(Ok(_)) | Err(_) => PublishError::Stopped,
        }
    }

    /// Aborts the upload, if S3 is quick to answer.
    pub async fn give_up(self) {
        self.cancel.cancel();
        if tokio::time::timeout(GIVE_UP, self.uploading).await.is_err() {
            tracing::warn!("an upload that is given up is left to the bucket's lifecycle rule");
        }
    }
}
