//! How far a task is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::record::{ShardRecord, TaskRecord};

/// How far a task is, counted from its shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// Cells that are neither.
    pub remaining: u32,
}

impl Progress {
    /// Counts `shards`; cells of shards that the submit has not reached are remaining.
    pub fn of(task: &TaskRecord, shards: &BTreeMap<u32, ShardRecord>) -> Self {
        let count = |cells: usize| u32::try_from(cells).unwrap_or(u32::MAX);
        let mut progress = Self {
            cells: task.cells,
            ..Self::default()
        };
        for shard in shards.values() {
            let (pending, failed) = (count(shard.pending.len()), count(shard.failed.len()));
            progress.failed += failed;
            progress.ok += shard.size.saturating_sub(pending).saturating_sub(failed);
        }
        progress.remaining = task
            .cells
            .saturating_sub(progress.ok)
            .saturating_sub(progress.failed);
        progress
    }
}
