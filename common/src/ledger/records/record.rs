//! Items as typed records, for those who read them.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Serialize;

use super::no_raster::NoRaster;
use super::{artefact_list, expiry};
use crate::domain::{
    Artefact, CellId, JobId, MessageKey, MinValid, S3Url, Scope, TaskId, group_count, group_of,
    shard_count, shards_of_group,
};
use crate::ledger::dynamo::CodecError;
use crate::ledger::item::{Item, Value, attribute};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskState {
    /// Cells are pending.
    Running,
    /// No cell is pending.
    Complete,
    /// Somebody stopped it; workers drop its messages.
    Cancelled,
}

impl TaskState {
    /// The value of the attribute `state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl FromStr for TaskState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Running, Self::Complete, Self::Cancelled]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or(())
    }
}

/// The last known state of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// A worker began it.
    Running,
    /// It has a result.
    Ok,
    /// It failed for good.
    Failed,
}

impl CellState {
    /// The value of the attribute `state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for CellState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Running, Self::Ok, Self::Failed]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or(())
    }
}

/// A header, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRecord {
    /// Where it stands.
    pub state: TaskState,
    /// 1, and one more for each retry of an ended task.
    pub epoch: u32,
    /// Groups that still have open shards.
    pub open_groups: BTreeSet<u32>,
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
    /// To which area the cells are cut.
    pub scope: Scope,
    /// Bucket and prefix of manifest and results.
    pub output: S3Url,
    /// Region of that bucket, where it is not the fleet's own.
    pub region: Option<String>,
    /// Digest of the recipe and all cells.
    pub digest: String,
    /// The key with which its messages are signed.
    pub message_key: MessageKey,
    /// When it was submitted (RFC 3339).
    pub created_at: String,
    /// When every cell had been enqueued once.
    pub submitted_at: Option<String>,
    /// Unix second from which it is not found any more; `None` for a task that is kept for ever.
    pub expires_at: Option<i64>,
    /// Unix second until which a producer or a worker has the submit to itself.
    pub submitter_until: Option<i64>,
    /// Unix second since which both queues have been empty.
    pub quiet_since: Option<i64>,
    /// Unix second until which it is not told again that the task is stalled.
    pub stalled_until: Option<i64>,
    /// How often it was told that the task is stalled.
    pub stalls: u32,
    /// When the last shard closed.
    pub completed_at: Option<String>,
    /// The last epoch whose notice went out; 0 before the first.
    pub notified_epoch: u32,
    /// Why the last try to send the notice failed.
    pub notice_error: Option<String>,
    /// Why it was cancelled, if it is.
    pub reason: Option<String>,
    /// When it was cancelled, if it is.
    pub cancelled_at: Option<String>,
    /// Whether its limit of failed cells has stopped it.
    pub stopped: bool,
    /// How many failed cells stop it.
    pub max_failed: Option<u32>,
    /// How many cells have failed since the submit or the last retry or resume, if it has a limit.
    pub failures: u32,
    /// How often it was cancelled.
    pub cancels: u32,
    /// The last of these whose notice went out.
    pub cancels_notified: u32,
}

/// A group item, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Shards that still have pending cells.
    pub open_shards: BTreeSet<u32>,
    /// Number of shards.
    pub size: u32,
}

/// A shard item, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRecord {
    /// Ordinals that are neither ok nor failed.
    pub pending: BTreeSet<u32>,
    /// Ordinals that failed.
    pub failed: BTreeSet<u32>,
    /// Ordinals that the task's area does not touch.
    pub outside_area: BTreeSet<u32>,
    /// Ordinals that have too few valid pixels.
    pub too_few_valid: BTreeSet<u32>,
    /// Number of cells.
    pub size: u32,
    /// Whether all its pending cells have been sent to the queue since they became pending.
    pub enqueued: bool,
    /// How often cells of it were made pending again.
    pub reopened: u32,
}

/// A cell item, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellRecord {
    /// The cell.
    pub cell: CellId,
    /// What happened to it last.
    pub state: CellState,
    /// What else its item says.
    pub history: CellHistory,
}

/// What a cell item says besides its state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CellHistory {
    /// Who worked on it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// How often a worker began it.
    pub receives: u32,
    /// How many retryable failures it had.
    pub failures: u32,
    /// How often it was handed back unfinished.
    pub interruptions: u32,
    /// How often cells of its shard had been made pending again when these three began to count.
    #[serde(skip_serializing_if = "is_zero")]
    pub reopened: u32,
    /// When the last try began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When the last try ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Bucket and prefix below which its artefacts lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<S3Url>,
    /// Why it is ok without a raster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_raster: Option<NoRaster>,
    /// What it has published, in the order of upload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artefacts: Vec<Artefact>,
    /// Milliseconds spent downloading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetch_ms: Option<u64>,
    /// Milliseconds spent decoding, fusing and encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuse_ms: Option<u64>,
    /// Milliseconds spent uploading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_ms: Option<u64>,
    /// Why it failed, as a short stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Why it failed, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Reads attributes of one item, each with the complaint that fits it.
pub(super) struct Reader<'a>(pub(super) &'a Item);

impl Reader<'_> {
    pub(super) fn wrong(&self, name: &str) -> CodecError {
        let found = self
            .0
            .get(name)
            .map_or_else(|| "nothing".to_owned(), |value| format!("{value:?}"));
        CodecError::new(name, &found)
    }

    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        if let Some(Value::Text(text)) = self.0.get(name) {
            Some(text.clone())
        } else {
            None
        }
    }

    pub(super) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, CodecError> {
        self.text(name)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.wrong(name))
    }

    /// A recipe's name, with its digest unless it is a probe.
    fn job(&self) -> Result<JobId, CodecError> {
        let name: String = self.parsed(attribute::RECIPE)?;
        let digest = match self.text(attribute::RECIPE_DIGEST) {
            Some(_) => Some(self.parsed(attribute::RECIPE_DIGEST)?),
            None => None,
        };
        JobId::new(name, digest).map_err(|_| self.wrong(attribute::RECIPE_DIGEST))
    }

    /// The area's digest and the share of valid pixels, each if there is one.
    fn scope(&self) -> Result<Scope, CodecError> {
        let area = match self.text(attribute::AREA_DIGEST) {
            Some(_) => Some(self.parsed(attribute::AREA_DIGEST)?),
            None => None,
        };
        let min_valid = self.number(attribute::MIN_VALID);
        Ok(Scope {
            area,
            min_valid: min_valid.and_then(MinValid::from_hundredths),
        })
    }

    pub(super) fn number<N: TryFrom<i64>>(&self, name: &'static str) -> Option<N> {
        if let Some(Value::Number(number)) = self.0.get(name) {
            N::try_from(*number).ok()
        } else {
            None
        }
    }

    fn numbers(&self, name: &'static str) -> BTreeSet<u32> {
        if let Some(Value::Numbers(numbers)) = self.0.get(name) {
            numbers.clone()
        } else {
            BTreeSet::new()
        }
    }
}

impl TaskRecord {
    /// Reads a header.
    ///
    /// # Errors
    /// [`CodecError`] naming the first attribute that is missing or not as this version writes it.
    pub fn from_item(item: &Item) -> Result<Self, CodecError> {
        let read = Reader(item);
        let number = |name| read.number(name).ok_or_else(|| read.wrong(name));
        Ok(Self {
            state: read.parsed(attribute::STATE)?,
            epoch: number(attribute::EPOCH)?,
            open_groups: read.numbers(attribute::OPEN_GROUPS),
            cells: number(attribute::CELLS)?,
            shard_size: number(attribute::SHARD_SIZE)?,
            group_size: number(attribute::GROUP_SIZE)?,
            manifest: read.parsed(attribute::MANIFEST)?,
            job: read.job()?,
            scope: read.scope()?,
            output: read.parsed(attribute::OUTPUT)?,
            region: read.text(attribute::REGION),
            digest: read
                .text(attribute::DIGEST)
                .ok_or_else(|| read.wrong(attribute::DIGEST))?,
            message_key: read.parsed(attribute::MESSAGE_KEY)?,
            created_at: read
                .text(attribute::CREATED_AT)
                .ok_or_else(|| read.wrong(attribute::CREATED_AT))?,
            submitted_at: read.text(attribute::SUBMITTED_AT),
            expires_at: expiry::expires_at(item),
            submitter_until: read.number(attribute::SUBMITTER_UNTIL),
            quiet_since: read.number(attribute::QUIET_SINCE),
            stalled_until: read.number(attribute::STALLED_UNTIL),
            stalls: read.number(attribute::STALLS).unwrap_or(0),
            completed_at: read.text(attribute::COMPLETED_AT),
            notified_epoch: read.number(attribute::NOTIFIED_EPOCH).unwrap_or(0),
            notice_error: read.text(attribute::NOTICE_ERROR),
            reason: read.text(attribute::REASON),
            cancelled_at: read.text(attribute::CANCELLED_AT),
            stopped: item.get(attribute::STOPPED) == Some(&Value::Flag(true)),
            max_failed: read.number(attribute::MAX_FAILED),
            failures: read.number(attribute::FAILURES).unwrap_or(0),
            cancels: read.number(attribute::CANCELS).unwrap_or(0),
            cancels_notified: read.number(attribute::CANCELS_NOTIFIED).unwrap_or(0),
        })
    }

    /// How many shards the task has.
    pub fn shard_count(&self) -> u32 {
        shard_count(self.cells, self.shard_size)
    }

    /// How many groups the task has.
    pub fn group_count(&self) -> u32 {
        group_count(self.shard_count(), self.group_size)
    }

    /// The group of a shard.
    pub fn group_of(&self, shard: u32) -> u32 {
        group_of(shard, self.group_size)
    }

    /// The shards of a group.
    pub fn shards_of(&self, group: u32) -> Range<u32> {
        shards_of_group(group, self.shard_count(), self.group_size)
    }

    /// Whether the task is complete and the notice of that has not gone out.
    pub fn owes_notice(&self) -> bool {
        self.state == TaskState::Complete && self.notified_epoch < self.epoch
    }

    /// Whether it expires so soon at Unix `second` that no cell of it may be sent any more.
    pub fn is_in_last_days(&self, second: i64) -> bool {
        self.expires_at
            .is_some_and(|moment| moment.saturating_sub(expiry::LAST_DAYS_S) <= second)
    }

    /// The id of an event of `task`: when it was submitted, and `what` happened. The moment makes the
    /// events of a task that was forgotten and submitted again other events.
    pub fn event_id(&self, task: &TaskId, what: fmt::Arguments<'_>) -> String {
        format!("{task}/{}/{what}", self.created_at)
    }

    /// Where the results of `epoch` go: beside the manifest.
    pub fn results(&self, task: &TaskId, epoch: u32) -> S3Url {
        results_object(&self.output, task, epoch)
    }
}

/// Where the results of `epoch` of `task` go, below the task's output.
fn results_object(output: &S3Url, task: &TaskId, epoch: u32) -> S3Url {
    output.join(&format!("tilefleet/{task}/results-{epoch}.ndjson"))
}

impl GroupRecord {
    /// Reads a group item.
    ///
    /// # Errors
    /// [`CodecError`] when its size is missing.
    pub fn from_item(item: &Item) -> Result<Self, CodecError> {
        let read = Reader(item);
        Ok(Self {
            open_shards: read.numbers(attribute::OPEN_SHARDS),
            size: read
                .number(attribute::SIZE)
                .ok_or_else(|| read.wrong(attribute::SIZE))?,
        })
    }
}

impl ShardRecord {
    /// Reads a shard item.
    ///
    /// # Errors
    /// [`CodecError`] when its size is missing.
    pub fn from_item(item: &Item) -> Result<Self, CodecError> {
        let read = Reader(item);
        Ok(Self {
            pending: read.numbers(attribute::PENDING),
            failed: read.numbers(attribute::FAILED),
            outside_area: read.numbers(attribute::OUTSIDE_AREA),
            too_few_valid: read.numbers(attribute::TOO_FEW_VALID),
            size: read
                .number(attribute::SIZE)
                .ok_or_else(|| read.wrong(attribute::SIZE))?,
            enqueued: item.get(attribute::ENQUEUED) == Some(&Value::Flag(true)),
            reopened: read.number(attribute::REOPENED).unwrap_or(0),
        })
    }
}

impl CellRecord {
    /// Reads a cell item.
    ///
    /// # Errors
    /// [`CodecError`] when its name or state is missing, or an attribute is not as this version
    /// writes it.
    pub fn from_item(item: &Item) -> Result<Self, CodecError> {
        let read = Reader(item);
        let history = CellHistory {
            worker: read.text(attribute::WORKER),
            receives: read.number(attribute::RECEIVES).unwrap_or(0),
            failures: read.number(attribute::FAILURES).unwrap_or(0),
            interruptions: read.number(attribute::INTERRUPTIONS).unwrap_or(0),
            reopened: read.number(attribute::REOPENED).unwrap_or(0),
            started_at: read.text(attribute::STARTED_AT),
            ended_at: read.text(attribute::ENDED_AT),
            output: match read.text(attribute::OUTPUT) {
                Some(_) => Some(read.parsed(attribute::OUTPUT)?),
                None => None,
            },
            without_raster: match read.text(attribute::WITHOUT_RASTER) {
                Some(_) => Some(read.parsed(attribute::WITHOUT_RASTER)?),
                None => None,
            },
            artefacts: match read.text(attribute::ARTEFACTS) {
                Some(list) => {
                    artefact_list::decode(&list).ok_or_else(|| read.wrong(attribute::ARTEFACTS))?
                }
                None => vec![],
            },
            fetch_ms: read.number(attribute::FETCH_MS),
            fuse_ms: read.number(attribute::FUSE_MS),
            publish_ms: read.number(attribute::PUBLISH_MS),
            error_code: read.text(attribute::ERROR_CODE),
            error_message: read.text(attribute::ERROR_MESSAGE),
        };
        Ok(Self {
            cell: read.parsed(attribute::CELL)?,
            state: read.parsed(attribute::STATE)?,
            history,
        })
    }
}
