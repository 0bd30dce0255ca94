//! Whether a notice may say what was counted for it.
//!
//! A worker that has claimed the notice reads all shards, one after the other. A retry can make
//! cells pending again between the claim and the last of these reads. So the header is read again
//! after the count: the count is that of the epoch only if the task has not left it meanwhile.

use super::records::{Progress, TaskRecord, TaskState};
use super::transition::Notice;

/// What a count is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It may be published.
    Stands,
    /// The task was retried or resumed meanwhile: its next notice tells.
    Moved,
    /// The task is complete in the epoch, but not every cell is ok or failed: the ledger is damaged.
    Incomplete,
}

/// What the count `progress` for a notice is worth, when the task's header is `now`
/// after it. Without the state and the epoch of `now`, a notice can say of cells that a retry has
/// reopened that they neither succeeded nor failed.
pub fn counted(notice: Notice, progress: Progress, now: Option<&TaskRecord>) -> Counted {
    let is_there = |task: &&TaskRecord| match notice {
        Notice::Complete(epoch) => task.state == TaskState::Complete && task.epoch == epoch,
        Notice::Cancelled(cancels) => task.state == TaskState::Cancelled && task.cancels == cancels,
    };
    let may_remain = matches!(notice, Notice::Cancelled(_));
    match now.filter(is_there) {
        None => Counted::Moved,
        Some(_) if may_remain || progress.remaining == 0 => Counted::Stands,
        Some(_) => Counted::Incomplete,
    }
}
