//! Arguments of the commands that look into a task, or change what becomes of it.

use clap::{Args, Subcommand, ValueEnum};
use tilefleet_common::domain::{CellId, TaskId};

pub(crate) const CELLS_NOTES: &str = "\
With -o ndjson each line is the cell as it was submitted, with what the ledger says of it in the
field \"ledger\"; submit takes such lines:

  producer cells TASK --state failed -o ndjson | producer submit -   the failed cells as a new task";

pub(crate) const RETRY_NOTES: &str = "\
A task that had ended runs again and sends another notice, under the next epoch. Retrying a running
task only makes its failed cells pending again. The same retry again does nothing that was done, and
completes one that was interrupted. A cancelled task has to be resumed first.";

pub(crate) const RESUME_NOTES: &str = "\
A cancelled task runs again. Whatever is pending is sent again, also of a task that was never
cancelled: for messages that were lost, purged or kept too long, for a submit that was interrupted,
and for a notice that is still owed. A cell that is sent twice is made once.";

pub(crate) const VERIFY_NOTES: &str = "\
Every cell's place in the sets of its shard, its own item and its raster (by HEAD: there, same entity
tag, same length) are held against each other. Exit 0 only when nothing is left that differs.
--repair lets the protocol do it again: a raster that is gone or another is made again, a result that
is not counted is counted, what has no message is sent. Then workers have to run; verify once more.";

pub(crate) const DRAIN_NOTES: &str = "\
As workers do it when they find a dead letter: a cell that is still pending fails with the code
dead_lettered, and a task that ends with it is completed and tells so. Messages that are no cells are
shown and stay, unless --remove-others is given.";

/// Arguments of `cells`.
#[derive(Debug, Args)]
pub(crate) struct Cells {
    /// The task's id
    pub(crate) task: TaskId,
    /// Only cells in this state
    #[arg(long, value_name = "STATE", default_value = "all")]
    pub(crate) state: Which,
}

/// Which cells are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// All of them
    All,
    /// No worker has begun it
    Pending,
    /// A worker has begun it, and may be at it or have handed it back
    Running,
    /// It failed for good
    Failed,
    /// It has a result
    Ok,
}

/// Arguments of `retry`.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The task's id
    pub(crate) task: TaskId,
    /// Only this cell, such as 48RXT/2020-08-01/0; may be given several times
    #[arg(long = "cell", value_name = "ID")]
    pub(crate) cells: Vec<CellId>,
    /// Tell what would be retried, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The task's id
    pub(crate) task: TaskId,
    /// Why; it is kept, shown and told to subscribers
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Tell what would be cancelled, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The task's id
    pub(crate) task: TaskId,
    /// Tell what would be sent, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The task's id
    pub(crate) task: TaskId,
    /// Mend what can safely be mended
    #[arg(long)]
    pub(crate) repair: bool,
}

/// What to do with the dead-letter queue.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Show what is in it
    List(DlqList),
    /// Turn its cells into failed cells, so that their tasks end
    #[command(after_help = DRAIN_NOTES)]
    Drain(DlqDrain),
}

/// Arguments of `dlq list`.
#[derive(Debug, Args)]
pub(crate) struct DlqList {
    /// At most this many
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: usize,
}

/// Arguments of `dlq drain`.
#[derive(Debug, Args)]
pub(crate) struct DlqDrain {
    /// Remove messages that are no cells, after showing them
    #[arg(long)]
    pub(crate) remove_others: bool,
    /// Show what would be drained, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
