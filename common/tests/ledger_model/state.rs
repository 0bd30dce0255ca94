//! A state of the model: everything there is at one moment.

use crate::commands::{Resume, Retry, Submit};
use crate::event::Budget;
use crate::queue::Queue;
use crate::table::{Cells, Items};

pub(crate) const WORKERS: u8 = 2;

/// Past events that the ledger does not remember. Epochs and ordinals are bits. Notices are the bits
/// of their epochs, those of cancellations the bits from 5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct History {
    /// Cells whose item said ok.
    pub(crate) ok: Cells,
    /// Cells that were ok and neither pending nor failed.
    pub(crate) done: Cells,
    /// Epochs in which the task was complete.
    pub(crate) completed: u8,
    /// Notices that went out.
    pub(crate) published: u8,
    /// A notice of a complete task did not count each cell as ok or failed.
    pub(crate) miscounted: bool,
    /// Notices that went out more than once.
    pub(crate) repeated: u8,
    /// Notices that were out unmarked when its sender died, or not settled when the sender's
    /// lease ran out.
    pub(crate) disturbed: u8,
    /// A success may be recorded and never closed: a worker without a message died between item and
    /// shard, a worker deleted a message that it held no longer, or a message was dropped because
    /// the task was cancelled.
    pub(crate) untold: bool,
}

/// Cells that are ok, and cells that have failed.
pub(crate) type Count = (u8, u8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Worker {
    Idle,
    /// It is at this step, by number, with a message for this ordinal.
    Busy {
        ordinal: u8,
        step: u16,
        /// What it has counted for the notice.
        counted: Option<Count>,
    },
}

/// Everything there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State {
    pub(crate) workers: [Worker; WORKERS as usize],
    pub(crate) queue: Queue,
    pub(crate) items: Items,
    pub(crate) submit: Submit,
    pub(crate) retry: Retry,
    pub(crate) resume: Resume,
    pub(crate) budget: Budget,
    pub(crate) history: History,
}

impl State {
    /// Whether the task was cancelled, in a search that allows one cancellation.
    pub(crate) fn has_been_cancelled(&self) -> bool {
        self.budget.cancels == 0
    }

    /// Whether no message is left and no command runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.workers == [Worker::Idle; 2]
            && self.submit == Submit::Done
            && matches!(self.retry, Retry::Unasked | Retry::Done)
            && matches!(self.resume, Resume::Unasked | Resume::Done)
    }
}
