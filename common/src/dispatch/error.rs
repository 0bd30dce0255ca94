//! Why cells could not be sent.

use crate::aws::{ObjectError, QueueError};
use crate::domain::S3Url;
use crate::ledger::LedgerError;

/// Why cells could not be sent. Some may be sent by then; the same again sends the rest.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The ledger could not be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The manifest could not be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The queue did not accept all messages.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The manifest does not have the cells that the ledger says.
    #[error(
        "manifest {manifest}: {cause}; was it replaced? the cells of the task cannot be read from it"
    )]
    Manifest {
        /// The manifest.
        manifest: S3Url,
        /// What is wrong with it.
        cause: String,
    },
    /// A message has no JSON form, which its types rule out.
    #[error("a message cannot be written: {0}")]
    Message(#[from] serde_json::Error),
}
