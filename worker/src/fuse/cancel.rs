//! Stopping a fusion that is no longer wanted.

use tokio_util::sync::CancellationToken;

use super::error::FuseError;

/// Asked between tiles; the work ends with [`FuseError::Cancelled`] once someone has said stop.
///
/// Cancellation is cooperative: one tile is decoded to its end, and so are the overviews and the writing of the file.
#[derive(Clone, Debug, Default)]
pub struct Cancel(CancellationToken);

impl Cancel {
    /// Never cancelled, unless through a clone of it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says stop, to this and all its clones.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    pub(super) fn check(&self) -> Result<(), FuseError> {
        if self.0.is_cancelled() { Err(FuseError::Cancelled) } else { Ok(()) }
    }
}

impl From<CancellationToken> for Cancel {
    fn from(token: CancellationToken) -> Self {
        Self(token)
    }
}
