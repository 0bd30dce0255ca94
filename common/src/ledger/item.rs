//! Items of the table: their keys, their attributes and the values of these.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::domain::TaskId;

/// Names of all attributes that the ledger writes, besides the keys.
pub mod attribute {
    /// Declares the constants and the list of all of them.
    macro_rules! names {
        ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
            $($(#[$doc])* pub const $constant: &str = $name;)*
            const ALL: &[&str] = &[$($name),*];
        };
    }

    names! {
        /// Header: RUNNING, COMPLETE, CANCELLED. Cell: running, ok, failed.
        STATE = "state";
        /// Header: 1, and one more for each retry of an ended task.
        EPOCH = "epoch";
        /// Header: the layout of the task's items and messages.
        LAYOUT = "layout";
        /// Header: number set of the groups that still have open shards; absent when there is none.
        OPEN_GROUPS = "open_groups";
        /// Group: number set of the shards that still have pending cells; absent when there is none.
        OPEN_SHARDS = "open_shards";
        /// Header: number of cells.
        CELLS = "cells";
        /// Header: cells per shard.
        SHARD_SIZE = "shard_size";
        /// Header: shards per group.
        GROUP_SIZE = "group_size";
        /// Header: address of the frozen cell list.
        MANIFEST = "manifest";
        /// Header, recipe: the recipe's name, or `probe`.
        RECIPE = "recipe";
        /// Header: SHA-256 of the recipe's canonical text; absent for a probe.
        RECIPE_DIGEST = "recipe_digest";
        /// Recipe: its canonical text, JSON.
        RECIPE_TEXT = "recipe_text";
        /// Recipe: whether it came with the producer that submitted the task.
        BUILTIN = "builtin";
        /// Header: bucket and prefix of manifest and results. Cell: bucket and prefix of its artefacts.
        OUTPUT = "output";
        /// Header: region of that bucket, where it is not the fleet's own.
        REGION = "region";
        /// Header: digest of the recipe and all cells.
        DIGEST = "digest";
        /// Header: SHA-256 of the area to which the cells are cut; absent for whole cells.
        AREA_DIGEST = "area_digest";
        /// Header: the share of valid pixels that a cell must have, in hundredths of a percent.
        MIN_VALID = "min_valid";
        /// Header: when it was submitted.
        CREATED_AT = "created_at";
        /// Header: when every cell had been enqueued once.
        SUBMITTED_AT = "submitted_at";
        /// Header: when the last shard closed.
        COMPLETED_AT = "completed_at";
        /// Header: the last epoch whose notice went out; 0 before the first.
        NOTIFIED_EPOCH = "notified_epoch";
        /// Header: Unix second until which one worker has the notice to itself.
        NOTIFY_UNTIL = "notify_until";
        /// Header: why the notice could not be sent, when the last try failed.
        NOTICE_ERROR = "notice_error";
        /// Header: why it was cancelled.
        REASON = "reason";
        /// Header: when it was cancelled.
        CANCELLED_AT = "cancelled_at";
        /// Header: how often it was cancelled.
        CANCELS = "cancels";
        /// Header: the last cancellation whose notice went out.
        CANCELS_NOTIFIED = "cancels_notified";
        /// Header: whether a worker stopped the task, as its limit says.
        STOPPED = "stopped";
        /// Header: how many failed cells stop the task; absent when there is no limit.
        MAX_FAILED = "max_failed";
        /// Header: partition key of the index that lists tasks.
        LISTED = "listed";
        /// Shard: number set of the ordinals that have not ended; absent when there is none.
        PENDING = "pending";
        /// Shard: number set of the ordinals that failed; absent when there is none.
        FAILED = "failed";
        /// Shard: number set of the ordinals that the task's area does not touch, and that have no
        /// raster therefore; absent when there is none.
        OUTSIDE_AREA = "outside_area";
        /// Shard: number set of the ordinals that have too few valid pixels for a raster; absent when
        /// there is none.
        TOO_FEW_VALID = "too_few_valid";
        /// Shard: number of cells. Group: number of shards. Without it there is no such item.
        SIZE = "size";
        /// Shard: whether all its pending cells have been sent to the queue since they became
        /// pending.
        ENQUEUED = "enqueued";
        /// Shard: how often cells of it were made pending again. Cell: that number, of the messages
        /// of which `receives`, `failures` and `interruptions` tell; absent for 0.
        REOPENED = "reopened";
        /// Cell: its name.
        CELL = "cell";
        /// Cell: who worked on it last.
        WORKER = "worker";
        /// Cell: how often a worker began it.
        RECEIVES = "receives";
        /// Cell: how many retryable failures it had. Header: how many cells have failed since the
        /// submit or the last retry or resume, counted only when there is a limit.
        FAILURES = "failures";
        /// Cell: how often it was handed back unfinished.
        INTERRUPTIONS = "interruptions";
        /// Cell: when the last try began.
        STARTED_AT = "started_at";
        /// Cell: when the last try ended.
        ENDED_AT = "ended_at";
        /// Cell: what it has published, as JSON (`records/artefact_list.rs`).
        ARTEFACTS = "artefacts";
        /// Cell: why it is ok without a raster; absent when it has one.
        WITHOUT_RASTER = "without_raster";
        /// Cell: milliseconds spent downloading.
        FETCH_MS = "fetch_ms";
        /// Cell: milliseconds spent decoding, fusing and encoding.
        FUSE_MS = "fuse_ms";
        /// Cell: milliseconds spent uploading.
        PUBLISH_MS = "publish_ms";
        /// Cell: why it failed, as a short stable word.
        ERROR_CODE = "error_code";
        /// Cell: why it failed, for a person; at most 512 bytes.
        ERROR_MESSAGE = "error_message";
        /// Denial: how often workers were denied the bucket.
        DENIALS = "denials";
        /// Bucket: when a worker last read from it for the first time.
        READ_AT = "read_at";
        /// Bucket: when a worker last wrote to it for the first time.
        WRITTEN_AT = "written_at";
        /// Header: Unix second until which a producer or a worker has the submit to itself.
        SUBMITTER_UNTIL = "submitter_until";
        /// Header: Unix second since which both queues have been empty.
        QUIET_SINCE = "quiet_since";
        /// Header: Unix second until which one worker has it to itself to tell that the task is
        /// stalled.
        SWEEP_UNTIL = "sweep_until";
        /// Header: Unix second until which it is not told again that the task is stalled.
        STALLED_UNTIL = "stalled_until";
        /// Header: how often it was told that the task is stalled.
        STALLS = "stalls";
        /// Header: the key with which the task's messages are signed.
        MESSAGE_KEY = "message_key";
        /// Any item: Unix second after which it is of no use, and DynamoDB deletes it. Header: the same
        /// for the task's other items is [`LAST_DAYS_S`](crate::ledger::LAST_DAYS_S) earlier.
        EXPIRES_AT = "expires_at";
        /// Worker: when it started.
        SINCE = "since";
        /// Worker: when it wrote the item.
        SEEN_AT = "seen_at";
        /// Worker: how many cells it holds.
        HELD = "held";
        /// Worker: what it does with the cell that it has held for longest.
        PHASE = "phase";
        /// Worker: the breakers that are open, as JSON.
        BREAKERS = "breakers";
        /// Worker: the last error that was not a cell's.
        LAST_ERROR = "last_error";
    }

    /// The constant of a name, or `None` for one that this version does not know and therefore
    /// leaves alone.
    pub fn known(name: &str) -> Option<&'static str> {
        ALL.iter().find(|&&known| known == name).copied()
    }
}

/// An attribute's value: the three types of DynamoDB that the ledger needs, and booleans.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A string.
    Text(String),
    /// A number, always whole.
    Number(i64),
    /// A number set, never empty: DynamoDB has no empty sets.
    Numbers(BTreeSet<u32>),
    /// A truth value.
    Flag(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// An item's attributes by name, without its key.
pub type Item = BTreeMap<&'static str, Value>;

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The task's own item: `T#<task>` / `HEADER`. It is small however large the task is.
    Header(TaskId),
    /// The task's own item in layout 1, which this version only recognises: `T#<task>` / `TASK`.
    Layout1(TaskId),
    /// The task's recipe: `T#<task>` / `RECIPE`.
    Recipe(TaskId),
    /// A group of shards: `T#<task>` / `GROUP#<group>`.
    Group(TaskId, u32),
    /// A shard: `T#<task>#<shard>` / `SHARD`.
    Shard(TaskId, u32),
    /// A cell, beside its shard: `T#<task>#<shard>` / `CELL#<ordinal>`.
    Cell(TaskId, u32, u32),
    /// How often workers were denied a bucket for the task since it was stopped the n-th time:
    /// `T#<task>` / `DENIED#<n>#<bucket>`.
    Denial(TaskId, String),
    /// What is known of a bucket, by its name: `B#<bucket>` / `BUCKET`.
    Bucket(String),
    /// What a worker is doing, by the name of its group and its own: `W#<group>` / `<worker>`.
    Worker(String, String),
    /// When a machine of the group may be replaced again: `R#<group>` / `REPLACEMENT`.
    Replacement(String),
}

impl Key {
    /// The sort key of headers.
    pub const HEADER: &str = "HEADER";
    /// The sort key of a task's own item in layout 1.
    pub const LAYOUT_1: &str = "TASK";
    /// What the sort key of groups begins with.
    pub const GROUP_PREFIX: &str = "GROUP#";
    /// The sort key of recipe items.
    pub const RECIPE: &str = "RECIPE";
    /// The sort key of shard items.
    pub const SHARD: &str = "SHARD";
    /// What the sort key of cell items begins with.
    pub const CELL_PREFIX: &str = "CELL#";

    /// The value of the partition key.
    pub fn partition(&self) -> String {
        match self {
            Self::Header(task)
            | Self::Layout1(task)
            | Self::Recipe(task)
            | Self::Group(task, _)
            | Self::Denial(task, _) => {
                format!("T#{task}")
            }
            Self::Shard(task, shard) | Self::Cell(task, shard, _) => format!("T#{task}#{shard}"),
            Self::Bucket(bucket) => format!("B#{bucket}"),
            Self::Worker(group, _) => format!("W#{group}"),
            Self::Replacement(group) => format!("R#{group}"),
        }
    }

    /// The value of the sort key. Numbers are padded, so that the cells of a shard sort by ordinal.
    pub fn sort(&self) -> String {
        match self {
            Self::Header(_) => Self::HEADER.to_owned(),
            Self::Layout1(_) => Self::LAYOUT_1.to_owned(),
            Self::Group(_, group) => format!("{}{group:010}", Self::GROUP_PREFIX),
            Self::Recipe(_) => Self::RECIPE.to_owned(),
            Self::Shard(..) => Self::SHARD.to_owned(),
            Self::Cell(_, _, ordinal) => format!("{}{ordinal:010}", Self::CELL_PREFIX),
            Self::Denial(_, bucket) => format!("DENIED#{bucket}"),
            Self::Bucket(_) => "BUCKET".to_owned(),
            Self::Worker(_, worker) => worker.clone(),
            Self::Replacement(_) => "REPLACEMENT".to_owned(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition(), self.sort())
    }
}
