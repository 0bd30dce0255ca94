use serde::{Deserialize, Serialize};

use super::{CellId, S3Url, TaskId};

/// What the fleet tells the world, over SNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A task has no cell left to do. At least one per epoch; a repeat has the same `event_id`.
    TaskComplete(TaskEnded),
    /// Somebody stopped a task. At least one per cancellation; a repeat has the same `event_id`.
    TaskCancelled(TaskCancelled),
    /// A cell has failed for good. At least one per failure; a repeat has the same `event_id`.
    CellFailed(CellFailed),
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// Every cell succeeded.
    Ok,
    /// Some cells failed.
    SomeFailed,
    /// Every cell failed.
    AllFailed,
}

impl TaskOutcome {
    /// The outcome of a task of `cells` cells of which `failed` failed.
    pub fn of_counts(cells: u32, failed: u32) -> Self {
        match failed {
            0 => Self::Ok,
            failed if failed < cells => Self::SomeFailed,
            _ => Self::AllFailed,
        }
    }

    /// The outcome as the message attribute has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::SomeFailed => "some_failed",
            Self::AllFailed => "all_failed",
        }
    }
}

/// The notice that a task has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnded {
    /// `<task>/<epoch>`: what a receiver uses to see a repeat.
    pub event_id: String,
    /// The task.
    pub task: TaskId,
    /// 1, and one more for each retry of an ended task.
    pub epoch: u32,
    /// How it ended.
    pub outcome: TaskOutcome,
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// NDJSON with a line per cell: what became of it, its output, its error.
    pub results: S3Url,
    /// When the task was submitted (RFC 3339).
    pub created_at: String,
    /// When its last cell was recorded (RFC 3339).
    pub completed_at: String,
}

/// The notice that somebody stopped a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCancelled {
    /// `<task>/<epoch>/cancelled/<n>`, *n* counting the task's cancellations: what a receiver uses
    /// to see a repeat.
    pub event_id: String,
    /// The task.
    pub task: TaskId,
    /// The task's epoch when it was cancelled.
    pub epoch: u32,
    /// Why, in the words of whoever did it.
    pub reason: String,
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result, about; workers finish what they have begun.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// Cells that are neither.
    pub remaining: u32,
    /// When the task was submitted (RFC 3339).
    pub created_at: String,
    /// When it was cancelled (RFC 3339).
    pub cancelled_at: String,
}

/// The notice that a cell has failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFailed {
    /// `<task>/<epoch>/<ordinal>`: what a receiver uses to see a repeat.
    pub event_id: String,
    /// The task.
    pub task: TaskId,
    /// The task's epoch when the cell failed.
    pub epoch: u32,
    /// The cell's place in the task's manifest, from 0.
    pub ordinal: u32,
    /// The cell.
    pub cell: CellId,
    /// Why, as a short stable word.
    pub code: String,
    /// Why, for a person.
    pub message: String,
}

impl Event {
    /// The event's name, as in the body's `event` and the message attribute of that name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TaskComplete(_) => "task_complete",
            Self::TaskCancelled(_) => "task_cancelled",
            Self::CellFailed(_) => "cell_failed",
        }
    }

    /// The task it is about.
    pub fn task(&self) -> &TaskId {
        match self {
            Self::TaskComplete(event) => &event.task,
            Self::TaskCancelled(event) => &event.task,
            Self::CellFailed(event) => &event.task,
        }
    }

    /// What a receiver uses to see a repeat.
    pub fn event_id(&self) -> &str {
        match self {
            Self::TaskComplete(event) => &event.event_id,
            Self::TaskCancelled(event) => &event.event_id,
            Self::CellFailed(event) => &event.event_id,
        }
    }

    /// The message attribute `outcome`: `ok`, `some_failed`, `all_failed`, `cancelled`, or the
    /// error's code of a failed cell.
    pub fn outcome(&self) -> &str {
        match self {
            Self::TaskComplete(event) => event.outcome.name(),
            Self::TaskCancelled(_) => "cancelled",
            Self::CellFailed(event) => &event.code,
        }
    }

    /// One line for a mail's subject: at most 100 ASCII characters (Amazon SNS API reference,
    /// `Publish`).
    pub fn subject(&self) -> String {
        let text = match self {
            Self::TaskComplete(event) if event.failed == 0 => {
                format!("task {} complete: {} cells ok", event.task, event.cells)
            }
            Self::TaskComplete(event) => {
                format!(
                    "task {} ended: {} ok, {} failed",
                    event.task, event.ok, event.failed
                )
            }
            Self::TaskCancelled(event) => {
                format!("task {} cancelled: {}", event.task, event.reason)
            }
            Self::CellFailed(event) => format!("cell {} failed: {}", event.cell, event.code),
        };
        text.chars()
            .filter(|c| c.is_ascii() && !c.is_ascii_control())
            .take(100)
            .collect()
    }
}
