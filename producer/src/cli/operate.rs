//! Arguments of the commands that inspect a task's cells, repair it or change its course.

use clap::{Args, Subcommand, ValueEnum};
use tilefleet_common::domain::{CellId, TaskId};

pub(super) const CELLS_NOTES: &str = "\
With -o ndjson each line is the cell as it was submitted, and its field \"ledger\" is what the
ledger says of it. submit accepts such lines, with the same recipe. This makes a new task of the
failed cells of a task with recipe rgb:

  producer cells TASK --state failed -o ndjson | producer submit - --recipe rgb";

pub(super) const RETRY_NOTES: &str = "\
A complete task runs again and sends another notice, under the next epoch. In a running task, the
failed cells become pending again. The same retry again changes nothing that is done, and completes
a retry that was interrupted. A cancelled task must be resumed first.";

pub(super) const RESUME_NOTES: &str = "\
A cancelled task runs again. All pending cells are sent again, also those of a task that was never
cancelled: use it when messages were lost, purged or kept too long, when a submit was interrupted,
or when a notice is still owed. A cell that is sent twice is processed once.";

pub(super) const FORGET_NOTES: &str = "\
From the first step on, no command finds the task. Manifest, results and rasters stay in S3.
Afterwards its id can be submitted again. A running task must be cancelled first; an expired one can
be forgotten in any state. The same forget again completes one that was interrupted.";

pub(super) const VERIFY_NOTES: &str = "\
For every cell, verify compares the sets of its shard, its own item and its artefacts. A HEAD
request checks that each artefact exists, with the same entity tag and length. The exit code is 0
only if no difference is found.

--repair uses the steps of the protocol: it makes a cell again whose artefact is missing or
different, counts a result that is not counted, and sends a cell that has no message. Then run
workers, and verify once more.";

const DRAIN_NOTES: &str = "\
Workers do the same when they find a dead letter: a cell that is still pending fails with the code
dead_lettered, and a task that ends with it completes and sends its notice. Messages that are not
cells are shown and stay in the queue; --remove-others removes them.";

/// Arguments of `cells`.
#[derive(Debug, Args)]
pub(crate) struct CellsArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Only cells in this state
    #[arg(long, value_name = "STATE", default_value = "all")]
    pub(crate) state: StateFilter,
}

/// The state of the cells to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateFilter {
    /// Any state
    All,
    /// No worker has started it
    Pending,
    /// A worker has started it, and processes it now or has returned its message to the queue
    Running,
    /// It failed for good
    Failed,
    /// The task's area does not touch it, so it has no raster
    #[value(name = "outside_area")]
    OutsideArea,
    /// It has fewer valid pixels than submit --min-valid says, so it has no raster
    #[value(name = "too_few_valid")]
    TooFewValid,
    /// It has a result
    Ok,
}

/// Arguments of `retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Only this cell, such as 48RXT/2020-08-01/0; repeat the flag for more
    #[arg(long = "cell", value_name = "ID")]
    pub(crate) cells: Vec<CellId>,
    /// Show what would be retried, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `cancel`.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// The reason; it is kept, shown and sent to subscribers
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Show what would be cancelled, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Show what would be sent, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Show what would be forgotten, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Repair what can be repaired safely
    #[arg(long)]
    pub(crate) repair: bool,
}

/// What to do with the dead-letter queue.
#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Show its messages
    List(DlqListArgs),
    /// Record the cells of its messages as failed, so that their tasks end
    #[command(after_help = DRAIN_NOTES)]
    Drain(DrainArgs),
}

/// Arguments of `dlq list`.
#[derive(Debug, Args)]
pub(crate) struct DlqListArgs {
    /// Show at most this many messages
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: usize,
}

/// Arguments of `dlq drain`.
#[derive(Debug, Args)]
pub(crate) struct DrainArgs {
    /// Remove messages that are not cells, after they are shown
    #[arg(long)]
    pub(crate) remove_others: bool,
    /// Show what would be drained, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
