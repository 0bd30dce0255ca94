//! `retry`: failed cells are pending again, and are sent.
//!
//! First every shard with failed cells is reopened, which marks it as not enqueued; then every
//! shard with that mark sends what is pending in it. So the same command, run again after it died
//! anywhere, finds what is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures::TryStreamExt as _;
use serde::Serialize;
use tilefleet_common::domain::{CellId, TaskId, shard_count};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::{
    Part, ShardRecord, TaskRecord, TaskState, TransactionAnswer, transition,
};

use crate::cli::{Exit, Global, Output, Retry};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Resend, wake};

/// Shards whose items are read at a time.
const WINDOW: usize = 100;
/// Tries of a shard that others change meanwhile.
const TRIES: u32 = 20;

/// What `retry` tells.
#[derive(Debug, Serialize)]
struct Report {
    task: TaskId,
    state: TaskState,
    epoch: u32,
    /// Cells that were failed and are pending now.
    retried: u32,
    /// Messages sent; more than `retried` where an earlier command had not sent its own.
    sent: u32,
    dry_run: bool,
}

impl Report {
    fn line(&self) -> String {
        let Self {
            task,
            epoch,
            retried,
            sent,
            ..
        } = self;
        match (self.dry_run, retried, sent) {
            (true, _, _) => format!("task {task}: {retried} failed cells would be retried"),
            (false, 0, 0) => format!("task {task}: no failed cells to retry"),
            (false, 0, _) => {
                format!(
                    "task {task}: no failed cells left; {sent} cells sent that were not sent yet"
                )
            }
            _ => {
                format!(
                    "task {task}: {retried} failed cells are pending again in epoch {epoch}, {sent} sent"
                )
            }
        }
    }
}

/// The ordinals that were chosen, by shard; `None` is all of them.
type Chosen = Option<BTreeMap<u32, BTreeSet<u32>>>;

/// Retries the failed cells, or those of them that were named.
pub(crate) async fn run(
    arguments: &Retry,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let task = &arguments.task;
    let record = running_or_complete(&fleet, task).await?;
    let chosen = choose(&fleet, arguments, &record).await?;
    let mut report = Report {
        task: task.clone(),
        state: record.state,
        epoch: record.epoch,
        retried: 0,
        sent: 0,
        dry_run: arguments.dry_run,
    };
    let mut reopening = Reopening {
        fleet: &fleet,
        task,
        record,
    };
    let broke_off = |cause| ProducerError::BrokeOff {
        command: "retry",
        task: task.clone(),
        cause: Box::new(cause),
    };
    if arguments.dry_run {
        report.retried = reopening.count(&chosen).await?;
    } else {
        let (retried, unsent) = reopening.all(&chosen).await.map_err(broke_off)?;
        let record = fleet.task(task).await?;
        if unsent {
            let resend = Resend {
                fleet: &fleet,
                task,
                record: &record,
            };
            report.sent = resend.all(|_| BTreeSet::new()).await.map_err(broke_off)?;
            wake::run(&fleet, report.sent).await;
        }
        (report.retried, report.state, report.epoch) = (retried, record.state, record.epoch);
    }
    output.report(&report.line(), &report)?;
    fleet.tell_calls(global);
    Ok(Exit::Ok)
}

/// The task, unless it is cancelled.
pub(crate) async fn running_or_complete(
    fleet: &FleetConnection,
    task: &TaskId,
) -> Result<TaskRecord, ProducerError> {
    let record = fleet.task(task).await?;
    if record.state == TaskState::Cancelled {
        let reason = record.reason.unwrap_or_default();
        return Err(ProducerError::Cancelled {
            task: task.clone(),
            reason,
        });
    }
    Ok(record)
}

async fn choose(
    fleet: &FleetConnection,
    arguments: &Retry,
    record: &TaskRecord,
) -> Result<Chosen, ProducerError> {
    if arguments.cells.is_empty() {
        return Ok(None);
    }
    let mut missing: BTreeSet<CellId> = arguments.cells.iter().copied().collect();
    let wanted = missing.clone();
    let mut chosen: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let resend = Resend {
        fleet,
        task: &arguments.task,
        record,
    };
    let mut shards = pin!(resend.sources().shards(|_, _| false));
    while let Some(shard) = shards.try_next().await? {
        for (ordinal, cell) in shard
            .cells
            .iter()
            .filter(|(_, cell)| wanted.contains(&cell.id))
        {
            missing.remove(&cell.id);
            chosen.entry(shard.number).or_default().insert(*ordinal);
        }
    }
    match missing.pop_first() {
        Some(cell) => Err(ProducerError::NoSuchCell {
            task: arguments.task.clone(),
            cell,
        }),
        None => Ok(Some(chosen)),
    }
}

/// Makes cells of shards pending again.
#[derive(Debug)]
pub(crate) struct Reopening<'a> {
    pub(crate) fleet: &'a FleetConnection,
    pub(crate) task: &'a TaskId,
    /// The task as last read, or as left by the last shard.
    pub(crate) record: TaskRecord,
}

impl Reopening<'_> {
    /// How many cells would be reopened.
    async fn count(&self, chosen: &Chosen) -> Result<u32, ProducerError> {
        let mut count = 0;
        for window in self.windows(chosen) {
            for (number, sets) in self.fleet.ledger.some_shards(self.task, &window).await? {
                count += failed(&sets, number, chosen).len();
            }
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Reopens every shard with failed cells. Answers how many cells, and whether there is a shard
    /// with cells to send.
    async fn all(&mut self, chosen: &Chosen) -> Result<(u32, bool), ProducerError> {
        let (mut count, mut unsent) = (0_u32, false);
        // All shards are looked at, not only the chosen ones: one may be unsent since a retry that
        // died.
        for window in self.windows(&None) {
            for (number, sets) in self.fleet.ledger.some_shards(self.task, &window).await? {
                unsent |= !sets.enqueued;
                let cells = |sets: &ShardRecord| failed(sets, number, chosen);
                let reopened = self.shard(number, sets, cells, &[]).await?;
                unsent |= reopened > 0;
                count = count.saturating_add(reopened);
            }
        }
        Ok((count, unsent))
    }

    fn windows(&self, chosen: &Chosen) -> Vec<Vec<u32>> {
        let shards: Vec<u32> = match chosen {
            Some(chosen) => chosen.keys().copied().collect(),
            None => (0..shard_count(self.record.cells, self.record.shard_size)).collect(),
        };
        shards.chunks(WINDOW).map(<[u32]>::to_vec).collect()
    }

    /// Reopens the shard with the `cells` that its sets, as they are, tell of; `beside` happens
    /// together with it. Answers how many cells.
    pub(crate) async fn shard(
        &mut self,
        number: u32,
        mut sets: ShardRecord,
        cells: impl Fn(&ShardRecord) -> BTreeSet<u32>,
        beside: &[Part],
    ) -> Result<u32, ProducerError> {
        for _ in 0..TRIES {
            let cells = cells(&sets);
            if cells.is_empty() {
                return Ok(0);
            }
            let standing = (self.record.state, self.record.epoch);
            let mut retry =
                transition::retry_shard(self.task, standing, number, &sets.failed, &cells);
            retry.parts.extend_from_slice(beside);
            if self.fleet.ledger.transact(&retry).await? == TransactionAnswer::Applied {
                fault::point(Point::Reopened);
                if self.record.state == TaskState::Complete {
                    self.record.state = TaskState::Running;
                    self.record.epoch = self.record.epoch.saturating_add(1);
                }
                return Ok(u32::try_from(cells.len()).unwrap_or(u32::MAX));
            }
            self.record = running_or_complete(self.fleet, self.task).await?;
            match self.fleet.ledger.shard(self.task, number).await? {
                Some(now) => sets = now,
                None => return Ok(0),
            }
        }
        Err(ProducerError::Contended {
            task: self.task.clone(),
            shard: number,
        })
    }
}

fn failed(sets: &ShardRecord, number: u32, chosen: &Chosen) -> BTreeSet<u32> {
    match chosen {
        None => sets.failed.clone(),
        Some(chosen) => chosen
            .get(&number)
            .map_or_else(BTreeSet::new, |chosen| &sets.failed & chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failed_cells_that_were_chosen_are_reopened() {
        let sets = ShardRecord {
            pending: [0].into(),
            failed: [1, 2].into(),
            size: 4,
            enqueued: true,
            reopened: 0,
        };
        assert_eq!(failed(&sets, 3, &None), [1, 2].into());
        assert_eq!(
            failed(&sets, 3, &Some([(3, [0, 2, 3].into())].into())),
            [2].into()
        );
        assert!(failed(&sets, 4, &Some([(3, [2].into())].into())).is_empty());
    }

    #[test]
    fn what_was_done_is_said() {
        let report = |retried, sent, dry_run| Report {
            task: "t".parse().unwrap(),
            state: TaskState::Running,
            epoch: 2,
            retried,
            sent,
            dry_run,
        };
        assert_eq!(
            report(3, 3, false).line(),
            "task t: 3 failed cells are pending again in epoch 2, 3 sent"
        );
        assert_eq!(
            report(0, 3, false).line(),
            "task t: no failed cells left; 3 cells sent that were not sent yet"
        );
        assert_eq!(
            report(0, 0, false).line(),
            "task t: no failed cells to retry"
        );
        assert_eq!(
            report(3, 0, true).line(),
            "task t: 3 failed cells would be retried"
        );
    }
}
