//! Repairs, as steps of the protocol: a shard is created as a submit does, a cell is reopened as a
//! retry does, and a message is sent. First everything is reopened, then everything is sent; so a
//! repair that dies leaves what the next `verify` finds. The shards of cells whose messages are
//! lost are marked as not enqueued first. Otherwise, after a repair that has sent some of them, the
//! queue is not empty any more, and nothing shows that the others have no message.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tilefleet_common::dispatch::Dispatch;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_common::ledger::{Part, ShardRecord};
use tilefleet_common::tracker::rfc3339;

use super::difference::{Difference, DifferenceKind, Repair};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Reopening};

/// Cells of one transaction: "up to 100 distinct items" (DynamoDB API reference,
/// `TransactWriteItems`), three of which are shard, group and header.
const CELLS_AT_ONCE: usize = 90;

/// The repairs of one shard.
#[derive(Debug, Default)]
struct ShardRepair {
    /// Creates what is missing: the shard's group, then the shard.
    create: BTreeSet<DifferenceKind>,
    /// Reopens all pending cells, because the task does not wait for the shard.
    open: bool,
    reopen: BTreeSet<u32>,
    /// Cells whose messages are lost, in a shard that is marked as enqueued.
    unsent: BTreeSet<u32>,
    lose: BTreeMap<u32, Repair>,
    send: BTreeSet<u32>,
    /// Sends a message, whose receiver closes the shard or its group.
    close: bool,
}

/// The repairs of a task.
#[derive(Debug, Default)]
pub(super) struct RepairPlan {
    shards: BTreeMap<u32, ShardRepair>,
    /// Sends a message, whose receiver completes the task or sends its notice.
    completion: bool,
}

impl RepairPlan {
    pub(super) fn is_empty(&self) -> bool {
        self.shards.is_empty() && !self.completion
    }

    pub(super) fn add(&mut self, found: &Difference) {
        let Some(number) = found.shard else {
            self.completion |= found.repair == Repair::Send;
            return;
        };
        if found.repair == Repair::None {
            return;
        }
        let shard = self.shards.entry(number).or_default();
        match (&found.repair, found.ordinal) {
            (Repair::Create, _) => {
                shard.create.insert(found.kind);
            }
            (Repair::Reopen, None) => shard.open = true,
            (Repair::Reopen, Some(ordinal)) => {
                shard.reopen.insert(ordinal);
            }
            (lose @ Repair::Lose { .. }, Some(ordinal)) => {
                shard.lose.insert(ordinal, lose.clone());
            }
            // Sent with all pending cells of a shard that is not marked.
            (Repair::Send, Some(ordinal))
                if found.kind == DifferenceKind::PendingWithoutMessage =>
            {
                shard.unsent.insert(ordinal);
            }
            (Repair::Send, Some(ordinal)) => {
                shard.send.insert(ordinal);
            }
            // The pending cells of a shard that is not enqueued are sent in any case. A shard that
            // only has to be closed has no pending cells.
            (Repair::Send, None) => shard.close = true,
            _ => {}
        }
    }

    /// Carries out the repairs. Returns how many messages were sent.
    pub(super) async fn carry_out(
        &self,
        fleet: &FleetConnection,
        dispatch: Dispatch<'_>,
    ) -> Result<u32, ProducerError> {
        let Dispatch { task, record, .. } = dispatch;
        let mut reopening = Reopening {
            fleet,
            task,
            record: record.clone(),
        };
        // Create what is missing, and make cells pending again.
        for (&number, repair) in &self.shards {
            for missing in &repair.create {
                if *missing == DifferenceKind::GroupMissing {
                    dispatch.create_group(record.group_of(number)).await?;
                } else {
                    dispatch.create_shard(number).await?;
                }
            }
            repair.reopen(dispatch, number, &mut reopening).await?;
        }
        // Then send: messages carry the epoch that the reopening has begun.
        let record = fleet.task(task).await?;
        let dispatch = Dispatch {
            record: &record,
            ..dispatch
        };
        let mut sent = dispatch
            .send_all(|shard| match self.shards.get(&shard.number) {
                Some(repair) => {
                    let mut wanted = repair.send.clone();
                    if repair.close && shard.pending().is_empty() {
                        wanted.extend(shard.first_ordinal());
                    }
                    wanted
                }
                None => BTreeSet::new(),
            })
            .await?;
        if self.completion {
            sent = sent.saturating_add(dispatch.send_first_cell().await?);
        }
        Ok(sent)
    }
}

impl ShardRepair {
    async fn reopen(
        &self,
        dispatch: Dispatch<'_>,
        number: u32,
        reopening: &mut Reopening<'_>,
    ) -> Result<(), ProducerError> {
        let lost: Vec<(u32, Part)> = self.lost(dispatch, number).collect();
        let read = async || dispatch.ledger.shard(dispatch.task, number).await;
        if !self.unsent.is_empty() {
            dispatch
                .ledger
                .write(&transition::unmark_enqueued(dispatch.task, number))
                .await?;
            fault::point(Point::Unmark);
        }
        if (self.open || !self.reopen.is_empty())
            && let Some(sets) = read().await?
        {
            let cells = |sets: &ShardRecord| {
                let all = if self.open {
                    sets.pending.clone()
                } else {
                    BTreeSet::new()
                };
                &all | &self.reopen
            };
            reopening.shard(number, sets, cells, &[]).await?;
        }
        for lost in lost.chunks(CELLS_AT_ONCE) {
            let Some(sets) = read().await? else { continue };
            let ordinals: BTreeSet<u32> = lost.iter().map(|(ordinal, _)| *ordinal).collect();
            let items: Vec<Part> = lost.iter().map(|(_, item)| item.clone()).collect();
            reopening
                .shard(number, sets, |_| ordinals.clone(), &items)
                .await?;
        }
        Ok(())
    }

    fn lost<'a>(
        &'a self,
        dispatch: Dispatch<'a>,
        shard: u32,
    ) -> impl Iterator<Item = (u32, Part)> + 'a {
        let now = rfc3339(Timestamp::now());
        self.lose.iter().filter_map(move |(&ordinal, repair)| {
            let Repair::Lose {
                cell,
                artefacts,
                why,
            } = repair
            else {
                return None;
            };
            let ticket = Ticket {
                task: dispatch.task.clone(),
                shard,
                group: dispatch.record.group_of(shard),
                ordinal,
                cell: *cell,
                job: dispatch.record.job.clone(),
                reopened: 0,
                expires_at: dispatch.record.expires_at,
            };
            let failure = Failure {
                code: "artefact_lost".to_owned(),
                message: why.clone(),
            };
            Some((
                ordinal,
                Part::Write(transition::lose_cell(&ticket, artefacts, &failure, &now)),
            ))
        })
    }
}
