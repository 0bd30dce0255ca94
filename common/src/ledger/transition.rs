//! Every step of the ledger protocol, as the change it makes and the condition under which it makes
//! it.
//!
//! A cell's state only climbs pending → failed → ok; only [`retry_shard`] and [`lose_cell`] lower
//! it. Sets make each step repeatable: an element taken out twice is taken out once.

use std::collections::BTreeSet;

use super::artefact_list;
use super::item::{Key, Value, attribute};
use super::record::{CellState, TaskState};
use super::write::{Action, Condition, Part, Transaction, Write};
use crate::domain::{Artefact, CellId, JobId, Recipe, S3Url, TaskId, shard_count};

/// The value of `listed` on task items: all tasks are in one partition of the index that lists
/// them.
pub const LISTED: &str = "TASK";

/// Longest error message that an item keeps, in bytes.
const ERROR_MESSAGE_BYTES: usize = 512;

/// The cell that a message is about, as the ledger addresses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The task.
    pub task: TaskId,
    /// The shard.
    pub shard: u32,
    /// The cell's position in the manifest, from 0.
    pub ordinal: u32,
    /// The cell's name.
    pub cell: CellId,
    /// What is to be done with it, as the message says.
    pub job: JobId,
}

impl Ticket {
    fn cell_key(&self) -> Key {
        Key::Cell(self.task.clone(), self.shard, self.ordinal)
    }

    fn shard(&self) -> Key {
        Key::Shard(self.task.clone(), self.shard)
    }
}

/// What a new task item says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewTask {
    /// The task.
    pub task: TaskId,
    /// Number of cells.
    pub cells: u32,
    /// Cells per shard.
    pub shard_size: u32,
    /// The frozen cell list.
    pub manifest: S3Url,
    /// What the bands become.
    pub job: JobId,
    /// Bucket and prefix of manifest and results.
    pub output: S3Url,
    /// Region of that bucket, where it is not the fleet's own.
    pub region: Option<String>,
    /// Digest of the recipe and all cells.
    pub digest: String,
    /// Now (RFC 3339).
    pub created_at: String,
}

/// Submit, step 2: the task's recipe is put, or is there already. It is put before the task and
/// never changes, so whoever finds the task finds the recipe. A refusal answers with the recipe that
/// is there; under an id that somebody chose it may be another one.
///
/// ```
/// use tilefleet_common::domain::{Recipe, TaskId};
/// use tilefleet_common::ledger::transition::create_recipe;
///
/// let task: TaskId = "summer".parse()?;
/// let (rgb, other) = (Recipe::builtin("rgb").unwrap(), Recipe::builtin("false-color").unwrap());
/// let item = create_recipe(&task, rgb).apply(None).unwrap();
/// assert_eq!(create_recipe(&task, other).apply(Some(&item)), None);
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
pub fn create_recipe(task: &TaskId, recipe: &Recipe) -> Write {
    Write {
        key: Key::Recipe(task.clone()),
        conditions: vec![Condition::Absent(attribute::RECIPE_TEXT)],
        actions: vec![
            Action::Set(attribute::RECIPE, recipe.name().into()),
            Action::Set(attribute::RECIPE_TEXT, recipe.canonical().into()),
            Action::Set(attribute::BUILTIN, Value::Flag(recipe.is_builtin())),
        ],
    }
}

/// Submit, step 3: the task comes into being with all its shards open, or is there already.
pub fn create_task(new: &NewTask) -> Write {
    let open: BTreeSet<u32> = (0..shard_count(new.cells, new.shard_size)).collect();
    let mut actions = vec![
        Action::Set(attribute::STATE, TaskState::Running.name().into()),
        Action::Set(attribute::EPOCH, 1_u32.into()),
        Action::Set(attribute::NOTIFIED_EPOCH, 0_u32.into()),
        Action::Set(attribute::OPEN_SHARDS, Value::Numbers(open)),
        Action::Set(attribute::CELLS, new.cells.into()),
        Action::Set(attribute::SHARD_SIZE, new.shard_size.into()),
        Action::Set(attribute::MANIFEST, new.manifest.to_string().into()),
        Action::Set(attribute::RECIPE, new.job.name().into()),
        Action::Set(attribute::OUTPUT, new.output.to_string().into()),
        Action::Set(attribute::DIGEST, new.digest.clone().into()),
        Action::Set(attribute::CREATED_AT, new.created_at.clone().into()),
        Action::Set(attribute::LISTED, LISTED.into()),
    ];
    let digest = new.job.digest().map(|digest| digest.as_str().into());
    actions.extend(digest.map(|digest| Action::Set(attribute::RECIPE_DIGEST, digest)));
    let region = new.region.clone().map(Into::into);
    actions.extend(region.map(|region| Action::Set(attribute::REGION, region)));
    Write {
        key: Key::Task(new.task.clone()),
        conditions: vec![Condition::Absent(attribute::STATE)],
        actions,
    }
}

/// Submit, step 4: a shard comes into being with all its cells pending, or is there already.
pub fn create_shard(task: &TaskId, shard: u32, ordinals: std::ops::Range<u32>) -> Write {
    let size = ordinals.end.saturating_sub(ordinals.start);
    Write {
        key: Key::Shard(task.clone(), shard),
        conditions: vec![Condition::Absent(attribute::SIZE)],
        actions: vec![
            Action::Set(attribute::PENDING, Value::Numbers(ordinals.collect())),
            Action::Set(attribute::SIZE, size.into()),
        ],
    }
}

/// Submit, step 4, and retry: all pending cells of the shard, which had been reopened so often when
/// it was read, have been sent to the queue. Refused when it was reopened since: then there are
/// cells that whoever reopened them has yet to send.
pub fn mark_enqueued(task: &TaskId, shard: u32, reopened: u32) -> Write {
    let as_read = match reopened {
        0 => Condition::Absent(attribute::REOPENED),
        times => Condition::Is(attribute::REOPENED, times.into()),
    };
    Write {
        key: Key::Shard(task.clone(), shard),
        conditions: vec![as_read],
        actions: vec![Action::Set(attribute::ENQUEUED, Value::Flag(true))],
    }
}

/// Repair: messages of the shard are lost, so its pending cells count as not sent. Whoever has read
/// it before and sends them does not mark it any more. Refused when it is not marked.
pub fn unmark_enqueued(task: &TaskId, shard: u32) -> Write {
    Write {
        key: Key::Shard(task.clone(), shard),
        conditions: vec![Condition::Is(attribute::ENQUEUED, Value::Flag(true))],
        actions: vec![
            Action::Remove(attribute::ENQUEUED),
            Action::Count(attribute::REOPENED, 1),
        ],
    }
}

/// Submit, at the end: every shard is enqueued, so that the same submit again has nothing to look
/// at.
pub fn mark_submitted(task: &TaskId, now: &str) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![],
        actions: vec![Action::SetOnce(attribute::SUBMITTED_AT, now.into())],
    }
}

/// Step 4: a worker begins the cell. Refused when it is ok already.
pub fn start_cell(ticket: &Ticket, worker: &str, now: &str) -> Write {
    Write {
        key: ticket.cell_key(),
        conditions: vec![Condition::IsNot(
            attribute::STATE,
            CellState::Ok.name().into(),
        )],
        actions: vec![
            Action::Set(attribute::STATE, CellState::Running.name().into()),
            Action::Set(attribute::CELL, ticket.cell.to_string().into()),
            Action::Set(attribute::WORKER, worker.into()),
            Action::Set(attribute::STARTED_AT, now.into()),
            Action::Count(attribute::RECEIVES, 1),
        ],
    }
}

/// What is to be told of a cell that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Success {
    /// Bucket and prefix below which the artefacts lie: the cell's output.
    pub output: S3Url,
    /// What was published, in the order of upload.
    pub artefacts: Vec<Artefact>,
    /// Milliseconds spent downloading.
    pub fetch_ms: u64,
    /// Milliseconds spent decoding, fusing and encoding.
    pub fuse_ms: u64,
    /// Milliseconds spent uploading.
    pub publish_ms: u64,
}

/// What is to be told of a cell that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// A short stable word.
    pub code: String,
    /// For a person.
    pub message: String,
}

impl Failure {
    fn actions(&self, now: &str) -> [Action; 3] {
        [
            Action::Set(attribute::ERROR_CODE, self.code.as_str().into()),
            Action::Set(attribute::ERROR_MESSAGE, cut(&self.message).into()),
            Action::Set(attribute::ENDED_AT, now.into()),
        ]
    }
}

/// Step 6, success: the cell is ok, whatever was said of it before.
pub fn record_ok(ticket: &Ticket, success: &Success, worker: &str, now: &str) -> Write {
    let number = |number: u64| Value::Number(i64::try_from(number).unwrap_or(i64::MAX));
    Write {
        key: ticket.cell_key(),
        conditions: vec![],
        actions: vec![
            Action::Set(attribute::STATE, CellState::Ok.name().into()),
            Action::Set(attribute::CELL, ticket.cell.to_string().into()),
            Action::Set(attribute::WORKER, worker.into()),
            Action::Set(attribute::ENDED_AT, now.into()),
            Action::Set(attribute::OUTPUT, success.output.to_string().into()),
            Action::Set(
                attribute::ARTEFACTS,
                artefact_list::encode(&success.artefacts).into(),
            ),
            Action::Set(attribute::FETCH_MS, number(success.fetch_ms)),
            Action::Set(attribute::FUSE_MS, number(success.fuse_ms)),
            Action::Set(attribute::PUBLISH_MS, number(success.publish_ms)),
            Action::Remove(attribute::ERROR_CODE),
            Action::Remove(attribute::ERROR_MESSAGE),
        ],
    }
}

/// Step 6, failure: the cell has failed for good. Refused when somebody succeeded: ok wins.
pub fn record_failed(ticket: &Ticket, failure: &Failure, worker: &str, now: &str) -> Write {
    let mut actions = vec![
        Action::Set(attribute::STATE, CellState::Failed.name().into()),
        Action::Set(attribute::CELL, ticket.cell.to_string().into()),
        Action::Set(attribute::WORKER, worker.into()),
    ];
    actions.extend(failure.actions(now));
    Write {
        key: ticket.cell_key(),
        conditions: vec![Condition::IsNot(
            attribute::STATE,
            CellState::Ok.name().into(),
        )],
        actions,
    }
}

/// A try failed in a way that may pass; the answer tells how often it has.
pub fn count_failure(ticket: &Ticket, failure: &Failure, now: &str) -> Write {
    let mut actions = vec![Action::Count(attribute::FAILURES, 1)];
    actions.extend(failure.actions(now));
    Write {
        key: ticket.cell_key(),
        conditions: vec![Condition::IsNot(
            attribute::STATE,
            CellState::Ok.name().into(),
        )],
        actions,
    }
}

/// A try was handed back unfinished, which is no failure of the cell's.
pub fn count_interruption(ticket: &Ticket) -> Write {
    Write {
        key: ticket.cell_key(),
        conditions: vec![],
        actions: vec![Action::Count(attribute::INTERRUPTIONS, 1)],
    }
}

/// Step 7, success: the cell is neither pending nor failed. Doing it twice is doing it once:
///
/// ```
/// use tilefleet_common::domain::{JobId, TaskId};
/// use tilefleet_common::ledger::transition::{Ticket, close_ok, create_shard};
///
/// let task: TaskId = "rgb-1".parse()?;
/// let shard = create_shard(&task, 0, 0..2).apply(None).unwrap();
/// let cell = "48RXT/2020-08-01/0".parse()?;
/// let ticket = Ticket { task, shard: 0, ordinal: 1, cell, job: JobId::Probe };
/// let once = close_ok(&ticket).apply(Some(&shard)).unwrap();
/// assert_ne!(once, shard);
/// assert_eq!(close_ok(&ticket).apply(Some(&once)).unwrap(), once);
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
pub fn close_ok(ticket: &Ticket) -> Write {
    let cell = BTreeSet::from([ticket.ordinal]);
    Write {
        key: ticket.shard(),
        conditions: vec![],
        actions: vec![
            Action::Take(attribute::PENDING, cell.clone()),
            Action::Take(attribute::FAILED, cell),
        ],
    }
}

/// Step 7, failure: the cell is failed instead of pending. Refused when it is not pending any more.
pub fn close_failed(ticket: &Ticket) -> Write {
    let cell = BTreeSet::from([ticket.ordinal]);
    Write {
        key: ticket.shard(),
        conditions: vec![Condition::Contains(attribute::PENDING, ticket.ordinal)],
        actions: vec![
            Action::Take(attribute::PENDING, cell.clone()),
            Action::Insert(attribute::FAILED, cell),
        ],
    }
}

/// Step 8: the shard is not open any more. Refused when a retry has made a cell of it pending
/// again; without that check a retry that runs at the same time leaves a complete task with pending
/// cells.
pub fn close_shard(task: &TaskId, shard: u32) -> Transaction {
    Transaction {
        parts: vec![
            Part::Check(
                Key::Shard(task.clone(), shard),
                vec![Condition::Absent(attribute::PENDING)],
            ),
            Part::Write(Write {
                key: Key::Task(task.clone()),
                conditions: vec![],
                actions: vec![Action::Take(attribute::OPEN_SHARDS, [shard].into())],
            }),
        ],
    }
}

/// Step 9: no shard is open, so the task is complete. Refused when it is not running or a shard is
/// open.
pub fn complete_task(task: &TaskId, now: &str) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::Absent(attribute::OPEN_SHARDS),
        ],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Complete.name().into()),
            Action::Set(attribute::COMPLETED_AT, now.into()),
        ],
    }
}

/// Step 9: one worker has the notice of `epoch` to itself from second `now` to second `until`.
/// Refused when it went out, when the epoch is over, or while another worker has it.
pub fn claim_notice(task: &TaskId, epoch: u32, now: i64, until: i64) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Complete.name().into()),
            Condition::Is(attribute::EPOCH, epoch.into()),
            Condition::AbsentOrBelow(attribute::NOTIFIED_EPOCH, epoch.into()),
            Condition::AbsentOrBelow(attribute::NOTIFY_UNTIL, now),
        ],
        actions: vec![Action::Set(attribute::NOTIFY_UNTIL, Value::Number(until))],
    }
}

/// Step 9: the notice of `epoch` went out. The lease stays: after a retry it may be somebody
/// else's, for the next epoch.
pub fn mark_notified(task: &TaskId, epoch: u32) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![Condition::AbsentOrBelow(
            attribute::NOTIFIED_EPOCH,
            epoch.into(),
        )],
        actions: vec![
            Action::Set(attribute::NOTIFIED_EPOCH, epoch.into()),
            Action::Remove(attribute::NOTICE_ERROR),
        ],
    }
}

/// Step 9: the notice of `epoch` could not be sent; the next one to try need not wait for the lease
/// that ends at second `until`. Refused when another worker has the notice by now: without that
/// check its lease is given away under its hands, and a third sends the notice beside it.
pub fn release_notice(task: &TaskId, epoch: u32, until: i64, why: &str) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![
            Condition::Is(attribute::EPOCH, epoch.into()),
            Condition::AbsentOrBelow(attribute::NOTIFIED_EPOCH, epoch.into()),
            Condition::Is(attribute::NOTIFY_UNTIL, Value::Number(until)),
        ],
        actions: vec![
            Action::Set(attribute::NOTICE_ERROR, cut(why).into()),
            Action::Remove(attribute::NOTIFY_UNTIL),
        ],
    }
}

/// Cancel: workers drop the task's messages from now on. Refused when it is not running. The
/// answer's count of cancellations tells this one from earlier ones.
pub fn cancel_task(task: &TaskId, reason: &str, now: &str) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![Condition::Is(
            attribute::STATE,
            TaskState::Running.name().into(),
        )],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Cancelled.name().into()),
            Action::Set(attribute::REASON, cut(reason).into()),
            Action::Set(attribute::CANCELLED_AT, now.into()),
            Action::Count(attribute::CANCELS, 1),
        ],
    }
}

/// Cancel: the notice of the `cancels`-th cancellation went out.
pub fn mark_cancel_told(task: &TaskId, cancels: u32) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![Condition::AbsentOrBelow(
            attribute::CANCELS_TOLD,
            cancels.into(),
        )],
        actions: vec![Action::Set(attribute::CANCELS_TOLD, cancels.into())],
    }
}

/// Resume: a cancelled task runs again. Its messages are gone, so everything pending is to be sent
/// after this, not before: a worker that still saw it as cancelled would drop them.
pub fn resume_task(task: &TaskId) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![Condition::Is(
            attribute::STATE,
            TaskState::Cancelled.name().into(),
        )],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Running.name().into()),
            Action::Remove(attribute::REASON),
            Action::Remove(attribute::CANCELLED_AT),
        ],
    }
}

/// As much of a message as an item keeps.
fn cut(message: &str) -> &str {
    message
        .get(..message.floor_char_boundary(ERROR_MESSAGE_BYTES))
        .unwrap_or_default()
}

/// Retry: `cells` of a shard are pending again, and the task runs. An ended task enters the next
/// epoch with the first shard that is reopened. The shard counts as not enqueued until the cells
/// have been sent, so that a retry that dies before is completed by another. Refused when the
/// shard's failures, `failed`, or the task's state and epoch are not as read: read both again.
pub fn retry_shard(
    task: &TaskId,
    (state, epoch): (TaskState, u32),
    shard: u32,
    failed: &BTreeSet<u32>,
    cells: &BTreeSet<u32>,
) -> Transaction {
    let next = if state == TaskState::Running {
        epoch
    } else {
        epoch.saturating_add(1)
    };
    let as_read = if failed.is_empty() {
        Condition::Absent(attribute::FAILED)
    } else {
        Condition::Is(attribute::FAILED, Value::Numbers(failed.clone()))
    };
    Transaction {
        parts: vec![
            Part::Write(Write {
                key: Key::Shard(task.clone(), shard),
                conditions: vec![as_read],
                actions: vec![
                    Action::Insert(attribute::PENDING, cells.clone()),
                    Action::Take(attribute::FAILED, cells.clone()),
                    Action::Remove(attribute::ENQUEUED),
                    Action::Count(attribute::REOPENED, 1),
                ],
            }),
            Part::Write(Write {
                key: Key::Task(task.clone()),
                conditions: vec![
                    Condition::Is(attribute::STATE, state.name().into()),
                    Condition::Is(attribute::EPOCH, epoch.into()),
                ],
                actions: vec![
                    Action::Insert(attribute::OPEN_SHARDS, [shard].into()),
                    Action::Set(attribute::STATE, TaskState::Running.name().into()),
                    Action::Set(attribute::EPOCH, next.into()),
                    Action::Remove(attribute::COMPLETED_AT),
                    Action::Remove(attribute::NOTIFY_UNTIL),
                    Action::Remove(attribute::NOTICE_ERROR),
                ],
            }),
        ],
    }
}

/// Beside [`retry_shard`], for a cell that is ok but whose artefacts are not what its item says: the
/// item is not ok any more, or else the next worker would believe it. Refused when the item has
/// other artefacts than as read.
pub fn lose_cell(ticket: &Ticket, artefacts: &[Artefact], failure: &Failure, now: &str) -> Write {
    let as_read = if artefacts.is_empty() {
        Condition::Absent(attribute::ARTEFACTS)
    } else {
        let list = artefact_list::encode(artefacts);
        Condition::Is(attribute::ARTEFACTS, list.into())
    };
    let mut actions = vec![Action::Set(
        attribute::STATE,
        CellState::Failed.name().into(),
    )];
    actions.extend(failure.actions(now));
    actions.extend([attribute::OUTPUT, attribute::ARTEFACTS].map(Action::Remove));
    Write {
        key: ticket.cell_key(),
        conditions: vec![
            Condition::Is(attribute::STATE, CellState::Ok.name().into()),
            as_read,
        ],
        actions,
    }
}
