//! Why a notice did not go out.

use crate::aws::AwsError;
use crate::ledger::LedgerError;

/// Why a notice did not go out.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoticeError {
    #[error("the task's items could not be read: {0}")]
    Ledger(#[from] LedgerError),
    #[error(
        "the task is complete, but {remaining} of its {cells} cells are neither ok nor failed; verify the task"
    )]
    Incomplete { remaining: u32, cells: u32 },
    #[error("the results could not be written: {0}")]
    Results(AwsError),
    #[error("the notice could not be published: {0}")]
    Publish(AwsError),
}
