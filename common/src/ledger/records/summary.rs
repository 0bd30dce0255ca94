//! What the index that lists tasks says of each.

use super::record::{Reader, TaskState};
use crate::domain::S3Url;
use crate::ledger::dynamo::CodecError;
use crate::ledger::item::{Item, attribute};

/// A task as the index has it (`deployment::TASK_INDEX_ATTRIBUTES`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSummary {
    /// The layout of its items. A version that does not know it can show the task and nothing else.
    pub layout: u32,
    /// Where it stands.
    pub state: TaskState,
    /// 1, and one more for each retry of an ended task.
    pub epoch: u32,
    /// Number of cells.
    pub cells: u32,
    /// The recipe's name, or `probe`.
    pub recipe: String,
    /// The recipe's digest; a probe has none.
    pub recipe_digest: Option<String>,
    /// Bucket and prefix of manifest and results.
    pub output: S3Url,
    /// When it was submitted (RFC 3339).
    pub created_at: String,
    /// When every cell had been enqueued once.
    pub submitted_at: Option<String>,
    /// When the last shard closed.
    pub completed_at: Option<String>,
    /// Unix second until which a producer or a worker has the submit to itself.
    pub submitter_until: Option<i64>,
    /// Unix second until which it is not told again that the task is stalled.
    pub stalled_until: Option<i64>,
}

impl TaskSummary {
    /// Whether nobody carries out the rest of the submit, at Unix `second`.
    pub fn is_left(&self, second: i64) -> bool {
        self.state == TaskState::Running
            && self.submitted_at.is_none()
            && self.submitter_until.is_none_or(|until| until < second)
    }

    /// Whether its messages are gone, as far as a worker has told.
    pub fn is_stalled(&self) -> bool {
        self.state == TaskState::Running && self.stalled_until.is_some()
    }
}

impl TaskSummary {
    /// Reads an item of the index.
    ///
    /// # Errors
    /// [`CodecError`] naming the first attribute that is missing or not as this version writes it.
    pub fn from_item(item: &Item) -> Result<Self, CodecError> {
        let read = Reader(item);
        let number = |name| read.number(name).ok_or_else(|| read.wrong(name));
        Ok(Self {
            // Items of layout 1 do not name it.
            layout: read.number(attribute::LAYOUT).unwrap_or(1),
            state: read.parsed(attribute::STATE)?,
            epoch: number(attribute::EPOCH)?,
            cells: number(attribute::CELLS)?,
            recipe: read
                .text(attribute::RECIPE)
                .ok_or_else(|| read.wrong(attribute::RECIPE))?,
            recipe_digest: read.text(attribute::RECIPE_DIGEST),
            output: read.parsed(attribute::OUTPUT)?,
            created_at: read
                .text(attribute::CREATED_AT)
                .ok_or_else(|| read.wrong(attribute::CREATED_AT))?,
            submitted_at: read.text(attribute::SUBMITTED_AT),
            submitter_until: read.number(attribute::SUBMITTER_UNTIL),
            stalled_until: read.number(attribute::STALLED_UNTIL),
            completed_at: read.text(attribute::COMPLETED_AT),
        })
    }
}
