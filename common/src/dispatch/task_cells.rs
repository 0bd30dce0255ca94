//! A task's cells, shard by shard: each cell as the manifest has it, and its item in the ledger.
//!
//! The manifest is read range by range and the ledger by batches, a few shards ahead. So a task of
//! a million cells takes no more memory than one of a thousand.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::{ObjectLines, ObjectStore};
use crate::domain::{Cell, TaskId, ordinals_of_shard};
use crate::ledger::{CellRecord, Ledger, ShardRecord, TaskRecord};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::error::DispatchError;

/// Shards that are read at a time: 4,000 cells.
const GROUP: usize = 20;
/// Groups whose items are read at a time.
const GROUPS_AT_ONCE: usize = 3;

/// A shard with its cells.
#[derive(Debug)]
pub struct Shard {
    /// Its number.
    pub number: u32,
    /// The cells by their ordinals, in order.
    pub cells: Vec<(u32, Cell)>,
    /// The shard's item; `None` while no submit has created it.
    pub sets: Option<ShardRecord>,
    /// Items of its cells by their ordinals: those that were wanted and exist.
    pub items: BTreeMap<u32, CellRecord>,
}

impl Shard {
    /// The ordinal of its first cell; empty only in a shard without cells.
    pub fn first_ordinal(&self) -> BTreeSet<u32> {
        self.cells
            .iter()
            .take(1)
            .map(|(ordinal, _)| *ordinal)
            .collect()
    }

    /// The ordinals of its pending cells; all ordinals while the shard has no item.
    pub fn pending(&self) -> BTreeSet<u32> {
        match &self.sets {
            Some(sets) => sets.pending.clone(),
            None => self.cells.iter().map(|(ordinal, _)| *ordinal).collect(),
        }
    }
}

/// Reads the cells of one task.
#[derive(Debug, Clone, Copy)]
pub struct TaskCells<'a> {
    /// S3, for the manifest.
    pub objects: &'a ObjectStore,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// The task.
    pub task: &'a TaskId,
    /// The task's header.
    pub record: &'a TaskRecord,
}

impl<'a> TaskCells<'a> {
    /// All shards in order, with the items of the cells that `wants` names by the shard's sets and
    /// an ordinal.
    pub fn shards<W>(self, wants: W) -> impl Stream<Item = Result<Shard, DispatchError>> + 'a
    where
        W: Fn(&ShardRecord, u32) -> bool + Copy + 'a,
    {
        let Self {
            objects, record, ..
        } = self;
        let lines = ObjectLines::of(objects, &record.manifest, record.region.as_deref());
        let manifest = Manifest {
            lines,
            shard: 0,
            record,
        };
        stream::try_unfold(manifest, |mut manifest| async move {
            let group = manifest.group().await?;
            Ok((!group.is_empty()).then_some((group, manifest)))
        })
        .map_ok(move |group| self.read(group, wants))
        .try_buffered(GROUPS_AT_ONCE)
        .map_ok(|shards| stream::iter(shards).map(Ok))
        .try_flatten()
    }

    async fn read<W>(self, mut group: Vec<Shard>, wants: W) -> Result<Vec<Shard>, DispatchError>
    where
        W: Fn(&ShardRecord, u32) -> bool,
    {
        let numbers: Vec<u32> = group.iter().map(|shard| shard.number).collect();
        let mut sets = self.ledger.some_shards(self.task, &numbers).await?;
        for shard in &mut group {
            shard.sets = sets.remove(&shard.number);
        }
        let wanted = group.iter().flat_map(|shard| {
            let ordinals = shard.cells.iter().map(|(ordinal, _)| *ordinal);
            let wanted = ordinals
                .filter(|&ordinal| shard.sets.as_ref().is_some_and(|sets| wants(sets, ordinal)));
            wanted.map(|ordinal| (shard.number, ordinal))
        });
        let wanted: Vec<(u32, u32)> = wanted.collect();
        let mut items = self.ledger.some_cells(self.task, wanted).await?;
        for shard in &mut group {
            let ordinals = shard.cells.iter().map(|(ordinal, _)| *ordinal);
            shard.items = ordinals
                .filter_map(|ordinal| Some((ordinal, items.remove(&ordinal)?)))
                .collect();
        }
        Ok(group)
    }
}

struct Manifest<'a> {
    lines: ObjectLines,
    shard: u32,
    record: &'a TaskRecord,
}

impl Manifest<'_> {
    /// The next shards as the manifest has them, without items; empty after the last.
    async fn group(&mut self) -> Result<Vec<Shard>, DispatchError> {
        let mut group = vec![];
        while group.len() < GROUP {
            let ordinals = ordinals_of_shard(self.shard, self.record.cells, self.record.shard_size);
            if ordinals.is_empty() {
                break;
            }
            let mut cells = Vec::with_capacity(ordinals.len());
            for ordinal in ordinals {
                cells.push((ordinal, self.cell(ordinal).await?));
            }
            group.push(Shard {
                number: self.shard,
                cells,
                sets: None,
                items: BTreeMap::new(),
            });
            self.shard += 1;
        }
        Ok(group)
    }

    async fn cell(&mut self, ordinal: u32) -> Result<Cell, DispatchError> {
        let invalid = |cause: String| DispatchError::Manifest {
            manifest: self.record.manifest.clone(),
            cause,
        };
        let Some(line) = self.lines.next().await? else {
            return Err(invalid(format!(
                "it has {ordinal} lines, the task {} cells",
                self.record.cells
            )));
        };
        serde_json::from_slice(&line)
            .map_err(|error| invalid(format!("line {}: {error}", ordinal + 1)))
    }
}
