//! Cancelling a fusion.

use tokio_util::sync::CancellationToken;

use crate::error::FuseError;

/// Checked before every tile and every few milliseconds inside the decoder. Once it is cancelled,
/// the work ends with [`FuseError::Cancelled`]. A chunk is compressed to its end, and what
/// GDAL decodes is decoded to the end of its block. A thread that waits in a
/// [`Source`](super::Source) or [`Output`](super::Output) is woken by the code that made these.
#[derive(Clone, Debug, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// Never cancelled, unless through a clone of it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels this and all its clones.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(crate) fn check(&self) -> Result<(), FuseError> {
        if self.0.is_cancelled() {
            Err(FuseError::Cancelled)
        } else {
            Ok(())
        }
    }
}

impl From<CancellationToken> for Cancel {
    fn from(token: CancellationToken) -> Self {
        Self(token)
    }
}
