//! Messages of cells that are in the ledger already.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use tilefleet_common::domain::{CellMessage, TaskId};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::{TaskRecord, transition};

use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Shard, Sources};

/// Shards whose cells are sent at a time.
const SHARDS_AT_ONCE: usize = 16;

/// Sends cells of a task again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resend<'a> {
    pub(crate) fleet: &'a FleetConnection,
    pub(crate) task: &'a TaskId,
    /// As it is now: messages carry its epoch.
    pub(crate) record: &'a TaskRecord,
}

impl<'a> Resend<'a> {
    /// Where the task's cells are read.
    pub(crate) fn sources(self) -> Sources<'a> {
        let FleetConnection {
            clients, ledger, ..
        } = self.fleet;
        Sources {
            objects: &clients.objects,
            ledger,
            task: self.task,
            record: self.record,
        }
    }

    /// Sends those cells of the shard whose ordinals are `wanted`, and answers how many.
    pub(crate) async fn cells(
        &self,
        shard: &Shard,
        wanted: &BTreeSet<u32>,
    ) -> Result<u32, ProducerError> {
        let wanted = shard
            .cells
            .iter()
            .filter(|(ordinal, _)| wanted.contains(ordinal));
        let bodies = wanted
            .map(|(ordinal, cell)| {
                serde_json::to_string(&CellMessage {
                    task: self.task.clone(),
                    shard: shard.number,
                    ordinal: *ordinal,
                    epoch: self.record.epoch,
                    job: self.record.job.clone(),
                    cell: cell.clone(),
                })
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| ProducerError::Spool(error.into()))?;
        let sent = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
        self.fleet.queue.send(bodies).await?;
        Ok(sent)
    }

    /// Notes that all that was pending in the shard when it was read has been sent. Refused when it
    /// was reopened since by somebody who sends those cells.
    pub(crate) async fn mark(&self, shard: &Shard) -> Result<(), ProducerError> {
        let reopened = shard.sets.as_ref().map_or(0, |sets| sets.reopened);
        self.fleet
            .ledger
            .write(&transition::mark_enqueued(
                self.task,
                shard.number,
                reopened,
            ))
            .await?;
        fault::point(Point::Enqueued);
        Ok(())
    }

    /// Sends of every shard that is there what `choose` names, marks those that were not marked as
    /// enqueued, and answers how many cells were sent. All that is pending in an unmarked shard is
    /// sent in any case.
    pub(crate) async fn all(
        self,
        choose: impl Fn(&Shard) -> BTreeSet<u32> + Copy + 'a,
    ) -> Result<u32, ProducerError> {
        self.sources()
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
                    self.cells(&shard, &wanted).await?
                };
                if !sets.enqueued {
                    self.mark(&shard).await?;
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
}
