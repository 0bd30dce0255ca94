//! Steps of a submit, and the marks that other commands share with it.

use std::collections::BTreeSet;

use super::ticket::expiry;
use crate::domain::{JobId, MessageKey, Recipe, S3Url, Scope, TaskId, group_count, shard_count};
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::records::{LAST_DAYS_S, TaskState};
use crate::ledger::write::{Action, Condition, Write};

/// The value of `listed` on headers: all tasks are in one partition of the index that lists
/// them.
pub const LISTED: &str = "TASK";

/// What a new header says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewTask {
    /// The task.
    pub task: TaskId,
    /// Number of cells.
    pub cells: u32,
    /// Cells per shard.
    pub shard_size: u32,
    /// Shards per group.
    pub group_size: u32,
    /// The frozen cell list.
    pub manifest: S3Url,
    /// What the bands become.
    pub job: JobId,
    /// To which area the cells are cut. Its object is put before the task.
    pub scope: Scope,
    /// Bucket and prefix of manifest and results.
    pub output: S3Url,
    /// Region of that bucket, where it is not the fleet's own.
    pub region: Option<String>,
    /// Digest of the recipe and all cells.
    pub digest: String,
    /// The key with which the task's messages are signed.
    pub message_key: MessageKey,
    /// How many failed cells stop the task; `None` for no limit.
    pub max_failed: Option<u32>,
    /// Now (RFC 3339).
    pub created_at: String,
    /// Unix second before which the producer says again that it lives.
    pub submitter_until: i64,
    /// Unix second from which it is not found any more.
    pub expires_at: i64,
}

/// Submit, step 2: the task's recipe is put, or is there already. It is put before the task and
/// never changes, so a worker that finds the task finds the recipe. A refusal answers with the recipe that
/// is there; under an id that somebody chose it may be another one.
///
/// ```
/// use tilefleet_common::domain::{Recipe, TaskId};
/// use tilefleet_common::ledger::transition::create_recipe;
///
/// let task: TaskId = "summer".parse()?;
/// let (rgb, other) = (Recipe::builtin("rgb").unwrap(), Recipe::builtin("false-color").unwrap());
/// let item = create_recipe(&task, rgb, None).apply(None).unwrap();
/// assert_eq!(create_recipe(&task, other, None).apply(Some(&item)), None);
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
pub fn create_recipe(task: &TaskId, recipe: &Recipe, expires_at: Option<i64>) -> Write {
    let mut actions = vec![
        Action::Set(attribute::RECIPE, recipe.name().into()),
        Action::Set(attribute::RECIPE_TEXT, recipe.canonical().into()),
        Action::Set(attribute::BUILTIN, Value::Flag(recipe.is_builtin())),
    ];
    actions.extend(expiry(expires_at));
    Write {
        key: Key::Recipe(task.clone()),
        conditions: vec![Condition::Absent(attribute::RECIPE_TEXT)],
        actions,
    }
}

/// Submit, step 2, when a submit that was interrupted has put the recipe: it is kept as long as the
/// task will be. Refused when it is kept as long already.
pub fn keep_recipe(task: &TaskId, recipe: &Recipe, expires_at: i64) -> Write {
    Write {
        key: Key::Recipe(task.clone()),
        conditions: vec![
            Condition::Is(attribute::RECIPE_TEXT, recipe.canonical().into()),
            Condition::AbsentOrBelow(attribute::EXPIRES_AT, expires_at),
        ],
        actions: vec![Action::Set(
            attribute::EXPIRES_AT,
            Value::Number(expires_at),
        )],
    }
}

/// Submit, step 3: the task comes into being with all its groups open, or is there already.
pub fn create_header(new: &NewTask) -> Write {
    // All groups are open, and so is the task.
    let shards = shard_count(new.cells, new.shard_size);
    let open: BTreeSet<u32> = (0..group_count(shards, new.group_size)).collect();
    let mut actions = vec![
        Action::Set(attribute::STATE, TaskState::Running.name().into()),
        Action::Set(attribute::EPOCH, 1_u32.into()),
        Action::Set(attribute::NOTIFIED_EPOCH, 0_u32.into()),
        Action::Set(attribute::LAYOUT, new.scope.layout().into()),
        Action::Set(attribute::OPEN_GROUPS, Value::Numbers(open)),
        Action::Set(attribute::CELLS, new.cells.into()),
        Action::Set(attribute::SHARD_SIZE, new.shard_size.into()),
        Action::Set(attribute::GROUP_SIZE, new.group_size.into()),
        Action::Set(attribute::MANIFEST, new.manifest.to_string().into()),
        Action::Set(attribute::RECIPE, new.job.name().into()),
        Action::Set(attribute::OUTPUT, new.output.to_string().into()),
        Action::Set(attribute::DIGEST, new.digest.clone().into()),
        Action::Set(attribute::CREATED_AT, new.created_at.clone().into()),
        Action::Set(
            attribute::SUBMITTER_UNTIL,
            Value::Number(new.submitter_until),
        ),
        Action::Set(attribute::MESSAGE_KEY, new.message_key.as_str().into()),
        Action::Set(attribute::LISTED, LISTED.into()),
        Action::Set(
            attribute::EXPIRES_AT,
            Value::Number(new.expires_at.saturating_add(LAST_DAYS_S)),
        ),
    ];
    // What not every task has.
    let digest = new.job.digest().map(|digest| digest.as_str().into());
    actions.extend(digest.map(|digest| Action::Set(attribute::RECIPE_DIGEST, digest)));
    let area = new.scope.area.as_ref();
    actions.extend(area.map(|area| Action::Set(attribute::AREA_DIGEST, area.as_str().into())));
    let share = new
        .scope
        .min_valid
        .map(|share| u32::from(share.hundredths()));
    actions.extend(share.map(|share| Action::Set(attribute::MIN_VALID, share.into())));
    let limit = new.max_failed;
    actions.extend(limit.map(|limit| Action::Set(attribute::MAX_FAILED, limit.into())));
    let region = new.region.clone().map(Into::into);
    actions.extend(region.map(|region| Action::Set(attribute::REGION, region)));
    Write {
        key: Key::Header(new.task.clone()),
        conditions: vec![Condition::Absent(attribute::STATE)],
        actions,
    }
}

/// Submit, step 4: a group comes into being with all its shards open, or is there already. It is
/// created before its first shard, so a worker that finds a shard finds its group.
pub fn create_group(
    task: &TaskId,
    group: u32,
    shards: std::ops::Range<u32>,
    expires_at: Option<i64>,
) -> Write {
    let size = shards.end.saturating_sub(shards.start);
    let mut actions = vec![
        Action::Set(attribute::OPEN_SHARDS, Value::Numbers(shards.collect())),
        Action::Set(attribute::SIZE, size.into()),
    ];
    actions.extend(expiry(expires_at));
    Write {
        key: Key::Group(task.clone(), group),
        conditions: vec![Condition::Absent(attribute::SIZE)],
        actions,
    }
}

/// Submit, step 4: a shard comes into being with all its cells pending, or is there already.
pub fn create_shard(
    task: &TaskId,
    shard: u32,
    ordinals: std::ops::Range<u32>,
    expires_at: Option<i64>,
) -> Write {
    let size = ordinals.end.saturating_sub(ordinals.start);
    let mut actions = vec![
        Action::Set(attribute::PENDING, Value::Numbers(ordinals.collect())),
        Action::Set(attribute::SIZE, size.into()),
    ];
    actions.extend(expiry(expires_at));
    Write {
        key: Key::Shard(task.clone(), shard),
        conditions: vec![Condition::Absent(attribute::SIZE)],
        actions,
    }
}

/// Submit, step 4, and retry: all pending cells of the shard, which had been reopened so often when
/// it was read, have been sent to the queue. Refused when it was reopened since: then the
/// command that reopened it has cells to send.
pub fn mark_enqueued(task: &TaskId, shard: u32, reopened: u32) -> Write {
    let as_read = match reopened {
        0 => Condition::Absent(attribute::REOPENED),
        times => Condition::Is(attribute::REOPENED, times.into()),
    };
    Write {
        key: Key::Shard(task.clone(), shard),
        conditions: vec![Condition::Exists(attribute::SIZE), as_read],
        actions: vec![Action::Set(attribute::ENQUEUED, Value::Flag(true))],
    }
}

/// Repair: messages of the shard are lost, so its pending cells count as not sent. A process
/// that has read it before and sends them does not mark it any more. Refused when it is not marked.
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
        key: Key::Header(task.clone()),
        conditions: vec![Condition::Exists(attribute::STATE)],
        actions: vec![
            Action::SetOnce(attribute::SUBMITTED_AT, now.into()),
            Action::Remove(attribute::SUBMITTER_UNTIL),
        ],
    }
}
