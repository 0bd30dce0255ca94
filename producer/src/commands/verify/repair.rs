//! Repairs, as steps of the protocol: a shard is created as a submit does, a cell is reopened as a
//! retry does, and a message is sent. First everything is reopened, then everything is sent; so a
//! repair that dies leaves what the next `verify` finds. Cells whose messages are lost count as not
//! sent first: otherwise, after a repair that has sent some of them, the queue is not empty any
//! more and nobody can tell that the others have none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_common::ledger::{Part, ShardRecord};
use tilefleet_common::tracker::rfc3339;

use super::difference::{Difference, Kind, Repair};
use crate::commands::resume;
use crate::commands::retry::Reopening;
use crate::error::ProducerError;
use crate::fleet::Resend;

/// Cells of one transaction: "up to 100 distinct items" (DynamoDB API reference,
/// `TransactWriteItems`), two of which are shard and task.
const CELLS_AT_ONCE: usize = 90;

/// What is to be done of a shard.
#[derive(Debug, Default)]
struct ShardPlan {
    create: bool,
    /// Reopens all that is pending, for a task that does not wait for it.
    open: bool,
    reopen: BTreeSet<u32>,
    /// Marked as enqueued, and the messages are lost.
    unsent: BTreeSet<u32>,
    lose: BTreeMap<u32, Repair>,
    send: BTreeSet<u32>,
    /// Sends a message to whoever closes the shard.
    close: bool,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    shards: BTreeMap<u32, ShardPlan>,
    /// Sends a message to whoever completes the task or sends its notice.
    duty: bool,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.shards.is_empty() && !self.duty
    }

    pub(super) fn add(&mut self, found: &Difference) {
        let Some(number) = found.shard else {
            self.duty |= found.repair == Repair::Send;
            return;
        };
        if found.repair == Repair::None {
            return;
        }
        let shard = self.shards.entry(number).or_default();
        match (&found.repair, found.ordinal) {
            (Repair::Create, _) => shard.create = true,
            (Repair::Reopen, None) => shard.open = true,
            (Repair::Reopen, Some(ordinal)) => {
                shard.reopen.insert(ordinal);
            }
            (lose @ Repair::Lose { .. }, Some(ordinal)) => {
                shard.lose.insert(ordinal, lose.clone());
            }
            // Sent with all that is pending in a shard that is not marked.
            (Repair::Send, Some(ordinal)) if found.kind == Kind::PendingWithoutMessage => {
                shard.unsent.insert(ordinal);
            }
            (Repair::Send, Some(ordinal)) => {
                shard.send.insert(ordinal);
            }
            // A shard that is not enqueued sends what is pending by itself; one that waits to be
            // closed has nothing pending.
            (Repair::Send, None) => shard.close = true,
            _ => {}
        }
    }

    /// Does it, and answers how many messages were sent.
    pub(super) async fn carry_out(&self, resend: Resend<'_>) -> Result<u32, ProducerError> {
        let Resend {
            fleet,
            task,
            record,
        } = resend;
        let mut reopening = Reopening {
            fleet,
            task,
            record: record.clone(),
        };
        for (&number, plan) in &self.shards {
            if plan.create {
                resume::create(resend, number).await?;
            }
            plan.reopen(resend, number, &mut reopening).await?;
        }
        let record = fleet.task(task).await?;
        let resend = Resend {
            record: &record,
            ..resend
        };
        let mut sent = resend
            .all(|shard| match self.shards.get(&shard.number) {
                Some(plan) => {
                    let mut wanted = plan.send.clone();
                    if plan.close && shard.pending().is_empty() {
                        wanted.extend(shard.cells.first().map(|(ordinal, _)| *ordinal));
                    }
                    wanted
                }
                None => BTreeSet::new(),
            })
            .await?;
        if self.duty {
            sent = sent.saturating_add(resume::send_duty(resend).await?);
        }
        Ok(sent)
    }
}

impl ShardPlan {
    async fn reopen(
        &self,
        resend: Resend<'_>,
        number: u32,
        reopening: &mut Reopening<'_>,
    ) -> Result<(), ProducerError> {
        let lost: Vec<(u32, Part)> = self.lost(resend, number).collect();
        let read = async || resend.fleet.ledger.shard(resend.task, number).await;
        if !self.unsent.is_empty() {
            resend
                .fleet
                .ledger
                .write(&transition::unmark_enqueued(resend.task, number))
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
            let rows: Vec<Part> = lost.iter().map(|(_, row)| row.clone()).collect();
            reopening
                .shard(number, sets, |_| ordinals.clone(), &rows)
                .await?;
        }
        Ok(())
    }

    fn lost<'a>(
        &'a self,
        resend: Resend<'a>,
        shard: u32,
    ) -> impl Iterator<Item = (u32, Part)> + 'a {
        let now = rfc3339(Timestamp::now());
        self.lose.iter().filter_map(move |(&ordinal, repair)| {
            let Repair::Lose { cell, etag, why } = repair else {
                return None;
            };
            let ticket = Ticket {
                task: resend.task.clone(),
                shard,
                ordinal,
                cell: *cell,
                job: resend.record.job.clone(),
            };
            let failure = Failure {
                code: "raster_lost".to_owned(),
                message: why.clone(),
            };
            Some((
                ordinal,
                Part::Write(transition::lose_cell(&ticket, etag, &failure, &now)),
            ))
        })
    }
}
