//! The cell that a step is about.

use crate::domain::{CellId, CellMessage, JobId, TaskId};
use crate::ledger::item::Key;

/// The cell that a message is about, as the ledger addresses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The task.
    pub task: TaskId,
    /// The shard.
    pub shard: u32,
    /// The shard's group.
    pub group: u32,
    /// The cell's position in the manifest, from 0.
    pub ordinal: u32,
    /// The cell's name.
    pub cell: CellId,
    /// What is to be done with it, as the message says.
    pub job: JobId,
}

impl Ticket {
    /// The ticket of a message.
    pub fn of(message: &CellMessage) -> Self {
        Self {
            task: message.task.clone(),
            shard: message.shard,
            group: message.group,
            ordinal: message.ordinal,
            cell: message.cell.id,
            job: message.job.clone(),
        }
    }

    pub(super) fn cell_key(&self) -> Key {
        Key::Cell(self.task.clone(), self.shard, self.ordinal)
    }

    pub(super) fn shard(&self) -> Key {
        Key::Shard(self.task.clone(), self.shard)
    }
}
