//! `retry`: failed cells are pending again, and are sent.
//!
//! First every shard with failed cells is reopened, which marks it as not enqueued. Then all
//! pending cells of every shard with that mark are sent. So the same command, run again after it
//! died anywhere, finds what is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures::TryStreamExt as _;
use serde::Serialize;
use tilefleet_common::domain::{CellId, TaskId};
use tilefleet_common::ledger::{ShardRecord, TaskRecord, TaskState};

use crate::cli::{Exit, GlobalArgs, Output, RetryArgs};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Reopening, running_or_complete, wake};

/// Shards whose items are read at a time.
const BATCH: usize = 100;

/// What `retry` has done.
#[derive(Debug, Serialize)]
struct RetryOutcome {
    task: TaskId,
    state: TaskState,
    epoch: u32,
    /// Cells that were failed and are pending now.
    retried: u32,
    /// Messages sent; more than `retried` where an earlier command had not sent its own.
    sent: u32,
    dry_run: bool,
}

impl RetryOutcome {
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

/// The ordinals to retry, by shard; `None` is all of them.
type Chosen = Option<BTreeMap<u32, BTreeSet<u32>>>;

/// Retries the failed cells, or those of them that were named.
pub(crate) async fn run(
    args: &RetryArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let task = &args.task;
    let record = running_or_complete(&fleet, task).await?;
    // The named cells must exist, before anything changes.
    let chosen = choose(&fleet, args, &record).await?;
    let mut outcome = RetryOutcome {
        task: task.clone(),
        state: record.state,
        epoch: record.epoch,
        retried: 0,
        sent: 0,
        dry_run: args.dry_run,
    };
    let mut reopening = Reopening {
        fleet: &fleet,
        task,
        record,
    };
    let unfinished = |cause| ProducerError::CommandUnfinished {
        command: "retry",
        task: task.clone(),
        cause: Box::new(cause),
    };
    // Reopening comes first, for all shards; sending follows, for each shard that it or an earlier
    // command has left unsent.
    if args.dry_run {
        outcome.retried = reopening.count(&chosen).await?;
    } else {
        let (retried, unsent) = reopening.all(&chosen).await.map_err(unfinished)?;
        let record = fleet.task(task).await?;
        if unsent {
            outcome.sent = fleet
                .dispatch(task, &record)
                .send_all(|_| BTreeSet::new())
                .await
                .map_err(|error| unfinished(error.into()))?;
            wake(&fleet, outcome.sent).await;
        }
        (outcome.retried, outcome.state, outcome.epoch) = (retried, record.state, record.epoch);
    }
    output.outcome(&outcome.line(), &outcome)?;
    fleet.print_calls(global);
    Ok(Exit::Ok)
}

async fn choose(
    fleet: &FleetConnection,
    args: &RetryArgs,
    record: &TaskRecord,
) -> Result<Chosen, ProducerError> {
    if args.cells.is_empty() {
        return Ok(None);
    }
    let mut missing: BTreeSet<CellId> = args.cells.iter().copied().collect();
    let wanted = missing.clone();
    let mut chosen: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let cells = fleet.dispatch(&args.task, record).cells_of_task();
    let mut shards = pin!(cells.shards(|_, _| false));
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
            task: args.task.clone(),
            cell,
        }),
        None => Ok(Some(chosen)),
    }
}

impl Reopening<'_> {
    /// How many cells would be reopened.
    async fn count(&self, chosen: &Chosen) -> Result<u32, ProducerError> {
        let mut count = 0;
        for batch in self.batches(chosen) {
            for (number, sets) in self.fleet.ledger.some_shards(self.task, &batch).await? {
                count += failed(&sets, number, chosen).len();
            }
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Reopens every shard with failed cells. Returns how many cells, and whether any shard has
    /// cells to send.
    async fn all(&mut self, chosen: &Chosen) -> Result<(u32, bool), ProducerError> {
        let (mut count, mut unsent) = (0_u32, false);
        // All shards are read, not only the chosen ones: a retry that died may have left one
        // unsent.
        for batch in self.batches(&None) {
            for (number, sets) in self.fleet.ledger.some_shards(self.task, &batch).await? {
                unsent |= !sets.enqueued;
                let cells = |sets: &ShardRecord| failed(sets, number, chosen);
                let reopened = self.shard(number, sets, cells, &[]).await?;
                unsent |= reopened > 0;
                count = count.saturating_add(reopened);
            }
        }
        Ok((count, unsent))
    }

    fn batches(&self, chosen: &Chosen) -> Vec<Vec<u32>> {
        let shards: Vec<u32> = match chosen {
            Some(chosen) => chosen.keys().copied().collect(),
            None => (0..self.record.shard_count()).collect(),
        };
        shards.chunks(BATCH).map(<[u32]>::to_vec).collect()
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
    use crate::cli::printed_outcomes;

    #[test]
    fn only_failed_cells_that_were_chosen_are_reopened() {
        let sets = ShardRecord {
            pending: [0].into(),
            failed: [1, 2].into(),
            outside_area: [].into(),
            too_few_valid: [].into(),
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
    fn the_outcome_says_what_was_done() {
        let outcome = |retried, sent, dry_run| RetryOutcome {
            task: "t".parse().unwrap(),
            state: TaskState::Running,
            epoch: 2,
            retried,
            sent,
            dry_run,
        };
        let outcomes = [
            outcome(3, 3, false),
            outcome(0, 3, false),
            outcome(0, 0, false),
            outcome(3, 0, true),
        ];
        insta::assert_snapshot!(printed_outcomes(&outcomes, RetryOutcome::line));
    }
}
