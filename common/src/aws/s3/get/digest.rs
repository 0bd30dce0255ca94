//! The MD5 digest of an object, taken while its ranges arrive.

use bytes::Bytes;
use md5::{Digest as _, Md5};
use tokio::task::JoinHandle;

use crate::hex;

/// A chunk below this size is digested on the spot; 1 MiB takes about 2 ms.
const INLINE_BYTES: usize = 1024 * 1024;

/// A digest of one chunk after the other. Large chunks go to a thread for blocking work.
#[derive(Debug)]
pub(super) enum RunningDigest {
    /// Takes the next chunk.
    Idle(Md5),
    /// A thread digests a chunk.
    Busy(JoinHandle<Md5>),
    /// A small chunk is digested; [`RunningDigest::added`] has not returned yet.
    Done(Md5),
    /// There is no digest to take, or it is finished.
    Off,
}

impl RunningDigest {
    /// A digest that takes nothing unless it is `wanted`.
    pub(super) fn new(wanted: bool) -> Self {
        if wanted {
            Self::Idle(Md5::new())
        } else {
            Self::Off
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle(_))
    }

    /// Begins to digest a chunk. Only an idle digest takes one.
    pub(super) fn add(&mut self, bytes: Bytes) {
        *self = match std::mem::replace(self, Self::Off) {
            Self::Idle(mut md5) if bytes.len() < INLINE_BYTES => {
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

    /// Waits until the chunk is digested; for ever when there is none.
    pub(super) async fn added(&mut self) {
        let md5 = match self {
            Self::Busy(thread) => thread.await.ok(),
            Self::Done(md5) => Some(md5.clone()),
            Self::Idle(_) | Self::Off => std::future::pending().await,
        };
        // The thread does not panic and nobody aborts it, so there is a digest.
        *self = md5.map_or(Self::Off, Self::Idle);
    }

    /// The digest in hexadecimal.
    pub(super) fn finish(&mut self) -> Option<String> {
        match std::mem::replace(self, Self::Off) {
            Self::Idle(md5) => Some(hex::encode(&md5.finalize())),
            _ => None,
        }
    }
}
