//! The events that the fleet publishes.

use serde::{Deserialize, Serialize};

use super::{CellId, S3Url, TaskId};

/// An event that the fleet publishes over SNS. Its JSON form is described in `docs/FORMATS.md`.
///
/// Each event is published at least once. A repeat has the same `event_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A task has no cell left to do. There is one per epoch.
    TaskComplete(TaskEnded),
    /// A task was cancelled. There is one per cancellation.
    TaskCancelled(TaskCancelled),
    /// A task has cells to do, and no message is left for them. It is told again after a day.
    TaskStalled(TaskStalled),
    /// A task was stopped because too many of its cells failed. It is cancelled, with an event of
    /// the same form.
    TaskStopped(TaskCancelled),
    /// A cell failed for good.
    CellFailed(CellFailed),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// No cell failed.
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

    /// The outcome as the value of the message attribute `outcome`.
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
    /// `<task>/<created_at>/<epoch>`, by which a receiver recognises a repeat.
    pub event_id: String,
    /// The task that ended.
    pub task: TaskId,
    /// 1, plus 1 for each retry of a completed task.
    pub epoch: u32,
    /// How it ended.
    pub outcome: TaskOutcome,
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// Cells that the task's area does not touch, and that have no raster therefore.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outside_area: u32,
    /// Cells that have too few valid pixels for a raster.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub too_few_valid: u32,
    /// NDJSON with one line per cell: its state, its output, its error.
    pub results: S3Url,
    /// When the task was submitted (RFC 3339).
    pub created_at: String,
    /// When its last cell was recorded (RFC 3339).
    pub completed_at: String,
}

impl TaskEnded {
    /// The cells without a raster, for a subject that has a hundred characters.
    fn without_raster(&self) -> String {
        let counts = [
            ("outside", self.outside_area),
            ("not valid", self.too_few_valid),
        ];
        let there = counts.into_iter().filter(|(_, count)| *count > 0);
        let words: Vec<String> = there
            .map(|(end, count)| format!(", {count} {end}"))
            .collect();
        words.concat()
    }
}

/// The notice that a task was cancelled or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCancelled {
    /// `<task>/<created_at>/<epoch>/cancelled/<n>` for the task's *n*-th cancellation, by which a receiver
    /// recognises a repeat.
    pub event_id: String,
    /// The task that was cancelled.
    pub task: TaskId,
    /// The task's epoch when it was cancelled.
    pub epoch: u32,
    /// The reason that was given.
    pub reason: String,
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result so far; workers finish the cells that they have started.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// Cells that the task's area does not touch, so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outside_area: u32,
    /// Cells that have too few valid pixels for a raster, so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub too_few_valid: u32,
    /// Cells that have not ended.
    pub remaining: u32,
    /// When the task was submitted (RFC 3339).
    pub created_at: String,
    /// When it was cancelled (RFC 3339).
    pub cancelled_at: String,
}

/// The notice that a task has cells to do, and no message is left for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStalled {
    /// `<task>/<created_at>/<epoch>/stalled/<n>` for the *n*-th time, by which a receiver recognises a repeat.
    pub event_id: String,
    /// The task.
    pub task: TaskId,
    /// The task's epoch.
    pub epoch: u32,
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result so far.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// Cells that the task's area does not touch, so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub outside_area: u32,
    /// Cells that have too few valid pixels for a raster, so far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub too_few_valid: u32,
    /// Cells that have not ended.
    pub remaining: u32,
    /// When the task was submitted (RFC 3339).
    pub created_at: String,
}

/// The notice that a cell failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFailed {
    /// `<task>/<created_at>/<epoch>/<ordinal>`, by which a receiver recognises a repeat.
    pub event_id: String,
    /// The task that the cell is in.
    pub task: TaskId,
    /// The task's epoch when the cell failed.
    pub epoch: u32,
    /// Position of the cell in the task's manifest, from 0.
    pub ordinal: u32,
    /// Tile, date and number of the cell.
    pub cell: CellId,
    /// The cause as a short stable word.
    pub code: String,
    /// The cause as a message for a person.
    pub message: String,
}

impl Event {
    /// The event's name, the value of the body's field `event` and of the message attribute
    /// `event`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TaskComplete(_) => "task_complete",
            Self::TaskCancelled(_) => "task_cancelled",
            Self::TaskStalled(_) => "task_stalled",
            Self::TaskStopped(_) => "task_stopped",
            Self::CellFailed(_) => "cell_failed",
        }
    }

    /// The task that the event is about.
    pub fn task(&self) -> &TaskId {
        match self {
            Self::TaskComplete(event) => &event.task,
            Self::TaskCancelled(event) | Self::TaskStopped(event) => &event.task,
            Self::TaskStalled(event) => &event.task,
            Self::CellFailed(event) => &event.task,
        }
    }

    /// The id by which a receiver recognises a repeat.
    pub fn event_id(&self) -> &str {
        match self {
            Self::TaskComplete(event) => &event.event_id,
            Self::TaskCancelled(event) | Self::TaskStopped(event) => &event.event_id,
            Self::TaskStalled(event) => &event.event_id,
            Self::CellFailed(event) => &event.event_id,
        }
    }

    /// The value of the message attribute `outcome`: `ok`, `some_failed`, `all_failed`,
    /// `cancelled`, `stopped`, or the error code of a failed cell.
    pub fn outcome(&self) -> &str {
        match self {
            Self::TaskComplete(event) => event.outcome.name(),
            Self::TaskCancelled(_) => "cancelled",
            Self::TaskStalled(_) => "stalled",
            Self::TaskStopped(_) => "stopped",
            Self::CellFailed(event) => &event.code,
        }
    }

    /// The subject of a mail about the event: at most 100 ASCII characters (Amazon SNS API
    /// reference, `Publish`).
    pub fn subject(&self) -> String {
        let text = match self {
            Self::TaskComplete(event) if event.failed == 0 => {
                let without = event.without_raster();
                format!(
                    "task {} complete: {} cells ok{without}",
                    event.task, event.ok
                )
            }
            Self::TaskComplete(event) => {
                let TaskEnded { ok, failed, .. } = event;
                let without = event.without_raster();
                format!(
                    "task {} ended: {ok} ok, {failed} failed{without}",
                    event.task
                )
            }
            Self::TaskCancelled(event) => {
                format!("task {} cancelled: {}", event.task, event.reason)
            }
            Self::TaskStalled(event) => {
                format!(
                    "task {} is stalled: {} cells left",
                    event.task, event.remaining
                )
            }
            Self::TaskStopped(event) => {
                format!("task {} stopped: {} cells failed", event.task, event.failed)
            }
            Self::CellFailed(event) => format!("cell {} failed: {}", event.cell, event.code),
        };
        text.chars()
            .filter(|c| c.is_ascii() && !c.is_ascii_control())
            .take(100)
            .collect()
    }
}
