//! The cell that a step is about.

use crate::domain::{CellId, CellMessage, JobId, TaskId};
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::write::Action;

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
    /// How often cells of the shard had been made pending again when the message was sent.
    pub reopened: u32,
    /// Unix second from which the cell's item is of no use; `None` for a task that is kept for ever.
    pub expires_at: Option<i64>,
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
            reopened: message.reopened,
            expires_at: message.expires_at,
        }
    }

    pub(super) fn cell_key(&self) -> Key {
        Key::Cell(self.task.clone(), self.shard, self.ordinal)
    }

    /// Beside every write of an item of the task that may be its first.
    pub(super) fn expiry(&self) -> Option<Action> {
        expiry(self.expires_at)
    }

    pub(super) fn shard(&self) -> Key {
        Key::Shard(self.task.clone(), self.shard)
    }
}

/// Sets when an item of a task expires.
pub(super) fn expiry(expires_at: Option<i64>) -> Option<Action> {
    expires_at.map(|second| Action::Set(attribute::EXPIRES_AT, Value::Number(second)))
}
