//! The progress of a task, counted again and again at a low price.
//!
//! A look reads the header, some of the open groups and some of the shards, each in turn and
//! eventually consistent. So a look at a task of a million cells costs no more than one at a task of
//! ten thousand, and the counts of a large task are approximate: a shard counts as it was last read.

use std::collections::{BTreeMap, BTreeSet};

use tilefleet_common::domain::{TaskId, ordinals_of_shard};
use tilefleet_common::ledger::{
    GroupRecord, Ledger, LedgerError, Progress, ShardRecord, TaskRecord,
};

/// Groups of one look. A task of a million cells has 25.
const GROUPS: usize = 25;
/// Shards of one look.
const SHARDS: usize = 50;

/// What is known of a task from the looks so far.
#[derive(Debug, Default)]
pub(crate) struct WatchedProgress {
    epoch: u32,
    known: BTreeMap<u32, ShardRecord>,
    /// The open shards of groups as last read.
    open: BTreeMap<u32, BTreeSet<u32>>,
    /// Closed shards without pending cells. They change only when a retry opens them again.
    settled: BTreeSet<u32>,
    /// Where the next look goes on.
    next_group: u32,
    next_shard: u32,
}

impl WatchedProgress {
    /// One look; `record` is the header as just read. Returns the progress, and whether it is
    /// approximate because shards that may have changed were not read.
    pub(crate) async fn look(
        &mut self,
        ledger: &Ledger,
        task: &TaskId,
        record: &TaskRecord,
    ) -> Result<(Progress, bool), LedgerError> {
        let ledger = ledger.eventually_consistent();
        let groups = self.groups(record);
        let read = ledger.groups(task, groups.iter().copied()).await?;
        self.note_groups(record, &groups, &read);
        let (shards, all) = self.shards(record);
        let read = ledger.some_shards(task, &shards).await?;
        self.note_shards(record, read);
        let approximate = !all || groups.len() < record.open_groups.len();
        Ok((self.progress(record), approximate))
    }

    /// Whether every open shard was read at least once. Before that, counts grow because shards are
    /// read, not because cells end.
    pub(crate) fn has_read_all(&self, record: &TaskRecord) -> bool {
        (0..record.shard_count())
            .all(|shard| self.known.contains_key(&shard) || !self.is_open(record, shard))
    }

    /// The counts. A closed shard has no pending cells, whatever was read of it; its cells count as
    /// ok while it was not read.
    fn progress(&self, record: &TaskRecord) -> Progress {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut progress = Progress {
            cells: record.cells,
            ..Progress::default()
        };
        for shard in 0..record.shard_count() {
            let size = ordinals_of_shard(shard, record.cells, record.shard_size).len();
            let open = self.is_open(record, shard);
            let known = self.known.get(&shard);
            let pending = match known {
                Some(sets) if open => sets.pending.len(),
                None if open => size,
                _ => 0,
            };
            if let Some(sets) = known {
                progress.add_ended(sets);
            }
            let otherwise = known.map_or(0, ShardRecord::ended_otherwise);
            let ok = number(size.saturating_sub(pending)).saturating_sub(otherwise);
            progress.ok = progress.ok.saturating_add(ok);
        }
        progress.with_remaining()
    }

    /// The groups of this look.
    fn groups(&mut self, record: &TaskRecord) -> Vec<u32> {
        if self.epoch != record.epoch {
            *self = Self {
                epoch: record.epoch,
                known: std::mem::take(&mut self.known),
                ..Self::default()
            };
        }
        in_turn(&record.open_groups, &mut self.next_group, GROUPS)
    }

    /// Notes which shards are open in the groups that were asked for.
    fn note_groups(
        &mut self,
        record: &TaskRecord,
        asked: &[u32],
        read: &BTreeMap<u32, GroupRecord>,
    ) {
        self.open
            .retain(|group, _| record.open_groups.contains(group));
        for &group in asked {
            // All shards of a group that the submit has not reached are open.
            let open = read.get(&group).map_or_else(
                || record.shards_of(group).collect(),
                |group| group.open_shards.clone(),
            );
            self.settled.retain(|shard| !open.contains(shard));
            self.open.insert(group, open);
        }
    }

    /// The shards of this look, and whether they are all that may have changed.
    fn shards(&mut self, record: &TaskRecord) -> (Vec<u32>, bool) {
        let stale: BTreeSet<u32> = (0..record.shard_count())
            .filter(|shard| !self.settled.contains(shard))
            .collect();
        let shards = in_turn(&stale, &mut self.next_shard, SHARDS);
        let all = shards.len() == stale.len();
        (shards, all)
    }

    fn note_shards(&mut self, record: &TaskRecord, read: BTreeMap<u32, ShardRecord>) {
        for (shard, sets) in read {
            // A read that is eventually consistent may be older than the close.
            if sets.pending.is_empty() && !self.is_open(record, shard) {
                self.settled.insert(shard);
            }
            self.known.insert(shard, sets);
        }
    }

    /// Whether the shard is open as far as is known; it is while its group was not read.
    fn is_open(&self, record: &TaskRecord, shard: u32) -> bool {
        let group = record.group_of(shard);
        match self.open.get(&group) {
            Some(open) => open.contains(&shard),
            None => record.open_groups.contains(&group),
        }
    }
}

/// At most `most` of `all`, from `next` on and round again; moves `next` behind them.
fn in_turn(all: &BTreeSet<u32>, next: &mut u32, most: usize) -> Vec<u32> {
    let chosen: Vec<u32> = all
        .range(*next..)
        .chain(all.range(..*next))
        .take(most)
        .copied()
        .collect();
    *next = chosen.last().map_or(0, |last| last.saturating_add(1));
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::sample::task_record;
    use super::*;

    /// A task of a million cells, of which the first 600 shards are closed in the first groups.
    fn million() -> TaskRecord {
        TaskRecord {
            cells: 1_000_000,
            group_size: 200,
            open_groups: (3..25).collect(),
            ..task_record()
        }
    }

    fn shard(pending: impl Into<BTreeSet<u32>>) -> ShardRecord {
        ShardRecord {
            pending: pending.into(),
            failed: [].into(),
            outside_area: [].into(),
            too_few_valid: [].into(),
            size: 200,
            enqueued: true,
            reopened: 0,
        }
    }

    /// Looks that find what `sets` says of each shard; all shards of open groups are open. Returns
    /// the shards of each look and whether they were all.
    fn looks(
        watched: &mut WatchedProgress,
        record: &TaskRecord,
        count: usize,
        sets: impl Fn(u32) -> ShardRecord,
    ) -> Vec<(Vec<u32>, bool)> {
        (0..count)
            .map(|_| {
                let groups = watched.groups(record);
                let open = |&group: &u32| GroupRecord {
                    open_shards: record.shards_of(group).collect(),
                    size: 200,
                };
                let read = groups.iter().map(|group| (*group, open(group))).collect();
                watched.note_groups(record, &groups, &read);
                let (shards, all) = watched.shards(record);
                let read = shards.iter().map(|&number| (number, sets(number)));
                watched.note_shards(record, read.collect());
                (shards, all)
            })
            .collect()
    }

    /// A fresh on-demand table reads 12,000 units a second (DynamoDB developer guide, "On-demand
    /// capacity mode"). An eventually consistent read of up to 4 KB is half a unit, and every item
    /// here is smaller. The header is read strongly.
    #[test]
    fn three_watchers_cost_less_than_a_hundredth_of_a_fresh_table() {
        let halves = GROUPS + SHARDS + 2;
        assert!(3 * halves < 2 * 120, "{halves} half units a look");
    }

    #[test]
    fn every_shard_has_its_turn_and_closed_ones_only_once() {
        let record = million();
        let mut watched = WatchedProgress::default();
        let sets = |number| {
            shard(
                if number < 600 { vec![] } else { vec![number] }
                    .into_iter()
                    .collect::<BTreeSet<u32>>(),
            )
        };
        let first = looks(&mut watched, &record, 100, sets);
        let read: Vec<u32> = first
            .iter()
            .flat_map(|(shards, _)| shards.clone())
            .collect();
        assert_eq!(read, (0..5_000).collect::<Vec<u32>>());
        assert!(first.iter().all(|(_, all)| !all), "approximate");
        let second = looks(&mut watched, &record, 1, sets);
        assert_eq!(second[0].0, (600..650).collect::<Vec<u32>>());
    }

    #[test]
    fn closed_shards_count_before_they_are_read() {
        let record = million();
        let mut watched = WatchedProgress::default();
        assert!(!watched.has_read_all(&record));
        looks(&mut watched, &record, 1, |_| shard([]));
        let progress = watched.progress(&record);
        assert_eq!((progress.ok, progress.remaining), (120_000, 880_000));
        assert!(!watched.has_read_all(&record));
        looks(&mut watched, &record, 99, |_| shard([]));
        assert!(watched.has_read_all(&record));
    }

    #[test]
    fn a_task_of_few_shards_is_read_at_each_look() {
        let record = task_record();
        let mut watched = WatchedProgress::default();
        for (shards, all) in looks(&mut watched, &record, 3, |number| shard([number])) {
            assert_eq!((shards, all), (vec![0, 1, 2, 3], true));
        }
    }

    #[test]
    fn a_closed_shard_that_is_read_too_old_is_read_again() {
        let record = TaskRecord {
            open_groups: [].into(),
            ..task_record()
        };
        let mut watched = WatchedProgress::default();
        looks(&mut watched, &record, 1, |number| {
            if number == 1 { shard([200]) } else { shard([]) }
        });
        let next = looks(&mut watched, &record, 2, |_| shard([]));
        assert_eq!(next, [(vec![1], true), (vec![], true)]);
    }

    #[test]
    fn what_a_retry_opens_is_read_again() {
        let closed = TaskRecord {
            open_groups: [].into(),
            ..task_record()
        };
        let mut watched = WatchedProgress::default();
        looks(&mut watched, &closed, 1, |_| shard([]));
        let reopened = task_record();
        let next = looks(&mut watched, &reopened, 1, |number| shard([number]));
        assert_eq!(next[0].0, [0, 1, 2, 3]);
    }

    #[test]
    fn groups_have_their_turn_too() {
        let record = TaskRecord {
            cells: 10_000_000,
            group_size: 200,
            open_groups: (0..250).collect(),
            ..task_record()
        };
        let mut watched = WatchedProgress::default();
        let looked: Vec<u32> = (0..10).flat_map(|_| watched.groups(&record)).collect();
        assert_eq!(looked, (0..250).collect::<Vec<u32>>());
    }
}
