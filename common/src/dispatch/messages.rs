//! Messages for the cells of a task that is in the ledger.

use std::collections::BTreeSet;
use std::pin::pin;

use crate::aws::{ObjectStore, Queue};
use crate::domain::{CellMessage, TaskId, ordinals_of_shard};
use crate::fault::{self, Point};
use crate::ledger::{
    Answer, CodecError, Key, Ledger, LedgerError, ShardRecord, TaskRecord, transition,
};
use futures::TryStreamExt as _;

use super::error::DispatchError;
use super::task_cells::{Shard, TaskCells};

/// Shards whose cells are sent at a time.
pub(super) const SHARDS_AT_ONCE: usize = 16;

/// Sends cells of a task again.
#[derive(Debug, Clone, Copy)]
pub struct Dispatch<'a> {
    /// S3, for the manifest.
    pub objects: &'a ObjectStore,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// The queue of cells.
    pub queue: &'a Queue,
    /// The task.
    pub task: &'a TaskId,
    /// The task's item as it is now: messages carry its epoch.
    pub record: &'a TaskRecord,
}

impl<'a> Dispatch<'a> {
    /// The reader of the task's cells.
    pub fn cells_of_task(self) -> TaskCells<'a> {
        TaskCells {
            objects: self.objects,
            ledger: self.ledger,
            task: self.task,
            record: self.record,
        }
    }

    /// Sends those cells of the shard whose ordinals are `wanted`. Returns how many.
    ///
    /// # Errors
    /// [`DispatchError`]; some may be sent by then.
    pub async fn send(&self, shard: &Shard, wanted: &BTreeSet<u32>) -> Result<u32, DispatchError> {
        let wanted = shard
            .cells
            .iter()
            .filter(|(ordinal, _)| wanted.contains(ordinal));
        let bodies = wanted
            .map(|(ordinal, cell)| {
                let message = CellMessage {
                    layout: self.record.scope.layout(),
                    task: self.task.clone(),
                    shard: shard.number,
                    group: self.record.group_of(shard.number),
                    ordinal: *ordinal,
                    epoch: self.record.epoch,
                    reopened: shard.sets.as_ref().map_or(0, |sets| sets.reopened),
                    resent: 0,
                    expires_at: self.record.expires_at,
                    signature: None,
                    job: self.record.job.clone(),
                    scope: self.record.scope.clone(),
                    cell: cell.clone(),
                };
                serde_json::to_string(&message.signed(&self.record.message_key))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let sent = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
        self.queue.send(self.task.as_str(), bodies).await?;
        Ok(sent)
    }

    /// Records that all cells that were pending in the shard when it was read are sent. The ledger
    /// refuses the mark if another command has reopened the shard since; that command sends its
    /// cells.
    ///
    /// # Errors
    /// [`DispatchError`] when the ledger did not answer.
    pub async fn mark_enqueued(&self, shard: &Shard) -> Result<(), DispatchError> {
        let reopened = shard.sets.as_ref().map_or(0, |sets| sets.reopened);
        self.ledger
            .write(&transition::mark_enqueued(
                self.task,
                shard.number,
                reopened,
            ))
            .await?;
        fault::point(Point::Enqueued);
        Ok(())
    }

    /// Sends the cells that `choose` returns for each shard that exists. In a shard that is not
    /// marked as enqueued, all pending cells are sent too, and the shard is marked. Returns how
    /// many cells were sent.
    ///
    /// # Errors
    /// [`DispatchError`]; some may be sent by then.
    pub async fn send_all(
        self,
        choose: impl Fn(&Shard) -> BTreeSet<u32> + Copy + 'a,
    ) -> Result<u32, DispatchError> {
        self.cells_of_task()
            .shards(|_, _| false)
            .map_ok(move |shard| async move {
                let Some(sets) = &shard.sets else {
                    return Ok(0);
                };
                let mut wanted = choose(&shard);
                if !sets.enqueued {
                    wanted.extend(&sets.pending);
                }
                let sent = if wanted.is_empty() {
                    0
                } else {
                    self.send(&shard, &wanted).await?
                };
                if !sets.enqueued {
                    self.mark_enqueued(&shard).await?;
                }
                Ok(sent)
            })
            .try_buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(
                0_u32,
                |sum, sent| async move { Ok(sum.saturating_add(sent)) },
            )
            .await
    }

    /// Sends the message of the task's first cell, whatever the state of that cell: its receiver
    /// completes the task or sends its notice. Returns how many messages were sent.
    ///
    /// # Errors
    /// [`DispatchError`]; some may be sent by then.
    pub async fn send_first_cell(self) -> Result<u32, DispatchError> {
        let mut shards = pin!(self.cells_of_task().shards(|_, _| false));
        match shards.try_next().await? {
            Some(shard) => self.send(&shard, &shard.first_ordinal()).await,
            None => Ok(0),
        }
    }

    /// Creates a group that no submit has created. It is created before its shards.
    ///
    /// # Errors
    /// [`DispatchError`] when the ledger did not answer.
    pub async fn create_group(self, group: u32) -> Result<(), DispatchError> {
        let shards = self.record.shards_of(group);
        let write = transition::create_group(self.task, group, shards, self.record.expires_at);
        self.ledger.write(&write).await?;
        Ok(())
    }

    /// Creates a shard that no submit has created, or reads the one that exists.
    ///
    /// # Errors
    /// [`DispatchError`] when the ledger did not answer.
    pub async fn create_shard(self, shard: u32) -> Result<ShardRecord, DispatchError> {
        let ordinals = ordinals_of_shard(shard, self.record.cells, self.record.shard_size);
        let write = transition::create_shard(self.task, shard, ordinals, self.record.expires_at);
        let item = match self.ledger.write(&write).await? {
            Answer::Applied(item) => item,
            Answer::Refused(item) => item.unwrap_or_default(),
        };
        let unreadable = |source: CodecError| LedgerError::Item {
            key: Key::Shard(self.task.clone(), shard).to_string(),
            source,
        };
        Ok(ShardRecord::from_item(&item).map_err(unreadable)?)
    }
}
