//! Whether a notice may say what was counted for it.
//!
//! A worker that has claimed the notice reads all shards, one after the other. A retry can make
//! cells pending again between the claim and the last of these reads. So the header is read again
//! after the count: the count is that of the epoch only if the task has not left it meanwhile.

use super::records::{Progress, TaskRecord, TaskState};

/// What a count is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is what became of the cells in the epoch.
    Stands,
    /// The task has left the epoch: the notice of the next one tells.
    Moved,
    /// The task is complete in the epoch, but not every cell is ok or failed: the ledger is damaged.
    Incomplete,
}

/// What the count `progress` of a task that was complete in `epoch` is worth, when its header is
/// `now` after it. Without the state and the epoch of `now`, a notice can say of cells that a retry
/// has reopened that they neither succeeded nor failed.
pub fn counted(epoch: u32, progress: Progress, now: Option<&TaskRecord>) -> Counted {
    let is_there = |task: &&TaskRecord| task.state == TaskState::Complete && task.epoch == epoch;
    match now.filter(is_there) {
        None => Counted::Moved,
        Some(_) if progress.ok + progress.failed == progress.cells => Counted::Stands,
        Some(_) => Counted::Incomplete,
    }
}
