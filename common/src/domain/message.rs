use serde::{Deserialize, Serialize};

use super::{Cell, Recipe, TaskId};

/// The body of a queue message: one cell of one task, with all that a worker needs to make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellMessage {
    /// The task.
    pub task: TaskId,
    /// The shard in which the cell's completion is recorded.
    pub shard: u32,
    /// The cell's place in the task's manifest, from 0.
    pub ordinal: u32,
    /// The task's epoch in which it was sent; a dead letter of an earlier one says nothing of the
    /// cell.
    #[serde(default = "first")]
    pub epoch: u32,
    /// What the bands become.
    pub recipe: Recipe,
    /// The cell itself.
    #[serde(flatten)]
    pub cell: Cell,
}

fn first() -> u32 {
    1
}
