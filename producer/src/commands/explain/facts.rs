//! What is known of a task and of what it depends on, at one moment.

use serde::Serialize;
use tilefleet_common::aws::{GroupState, ScalingActivity};
use tilefleet_common::domain::{CellId, TaskId};
use tilefleet_common::ledger::{CellHistory, Progress, TaskRecord, WorkerRecord};

use crate::commands::cells::ShownState;

/// Everything that the findings are made from.
#[derive(Debug)]
pub(super) struct Facts {
    /// When they were read, in Unix seconds.
    pub(super) second: i64,
    pub(super) task: TaskId,
    pub(super) record: TaskRecord,
    pub(super) progress: Progress,
    /// The queue of cells.
    pub(super) queue: Option<MessageCounts>,
    /// The dead-letter queue, if it is set.
    pub(super) dead_letters: Option<MessageCounts>,
    /// The workers' group, if it is set.
    pub(super) group: Option<GroupFacts>,
    /// Tasks that run and are older than this one, oldest first.
    pub(super) older: Vec<OlderTask>,
    /// The workers that have said what they do within the last hour.
    pub(super) workers: Vec<WorkerRecord>,
    /// The cell that was asked for.
    pub(super) cell: Option<CellFacts>,
    /// What could not be read, and why.
    pub(super) unread: Vec<String>,
}

/// Messages of a queue, approximately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct MessageCounts {
    pub(super) waiting: u64,
    /// Received and not yet deleted, or waiting for another attempt.
    pub(super) hidden: u64,
}

impl MessageCounts {
    pub(super) fn all(self) -> u64 {
        self.waiting.saturating_add(self.hidden)
    }
}

/// The workers' group.
#[derive(Debug)]
pub(super) struct GroupFacts {
    pub(super) name: String,
    pub(super) state: GroupState,
    /// Its last activities, newest first.
    pub(super) activities: Vec<ScalingActivity>,
}

/// A task that was submitted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OlderTask {
    pub(super) task: TaskId,
    pub(super) cells: u32,
}

/// A cell of the task.
#[derive(Debug, Serialize)]
pub(super) struct CellFacts {
    pub(super) cell: CellId,
    pub(super) ordinal: u32,
    pub(super) state: ShownState,
    /// Its item in the ledger, if a worker has begun it.
    #[serde(flatten)]
    pub(super) history: Option<CellHistory>,
}
