//! The progress of a task, counted repeatedly without reading all of its shards each time.

use std::collections::{BTreeMap, BTreeSet};

use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{Ledger, LedgerError, Progress, ShardRecord, TaskRecord};

/// The shards of a task as last read. A shard that was read after the task had closed it only
/// changes when a retry opens it again or begins another epoch; so only the others are read again.
#[derive(Debug, Default)]
pub(crate) struct TaskProgress {
    epoch: u32,
    known: BTreeMap<u32, ShardRecord>,
    settled: BTreeSet<u32>,
}

impl TaskProgress {
    /// The task's progress; `record` is its header as just read.
    pub(crate) async fn count(
        &mut self,
        ledger: &Ledger,
        task: &TaskId,
        record: &TaskRecord,
    ) -> Result<Progress, LedgerError> {
        let open = ledger.open(task, record).await?;
        let stale = self.stale(record, &open.shards);
        self.known.extend(ledger.some_shards(task, &stale).await?);
        Ok(Progress::of(record, &self.known))
    }

    /// The shards to read again. Those that are closed by now need not be read after this time.
    fn stale(&mut self, record: &TaskRecord, open: &BTreeSet<u32>) -> Vec<u32> {
        if self.epoch != record.epoch {
            self.epoch = record.epoch;
            self.settled.clear();
        }
        let stale: Vec<u32> = (0..record.shard_count())
            .filter(|shard| open.contains(shard) || !self.settled.contains(shard))
            .collect();
        self.settled = stale
            .iter()
            .copied()
            .chain(self.settled.iter().copied())
            .collect();
        self.settled.retain(|shard| !open.contains(shard));
        stale
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::task_record;
    use super::*;

    fn stale(progress: &mut TaskProgress, epoch: u32, open: &[u32]) -> Vec<u32> {
        let record = TaskRecord {
            epoch,
            ..task_record()
        };
        progress.stale(&record, &open.iter().copied().collect())
    }

    #[test]
    fn a_closed_shard_is_read_once_more_and_then_left() {
        let mut shards = TaskProgress::default();
        assert_eq!(stale(&mut shards, 1, &[0, 1, 2, 3]), [0, 1, 2, 3]);
        assert_eq!(stale(&mut shards, 1, &[1, 2, 3]), [0, 1, 2, 3]);
        assert_eq!(stale(&mut shards, 1, &[1, 2]), [1, 2, 3]);
        assert_eq!(stale(&mut shards, 1, &[]), [1, 2]);
        assert!(stale(&mut shards, 1, &[]).is_empty());
    }

    #[test]
    fn what_a_retry_opens_is_read_again() {
        let mut shards = TaskProgress::default();
        assert_eq!(stale(&mut shards, 1, &[]), [0, 1, 2, 3]);
        assert_eq!(stale(&mut shards, 1, &[2]), [2]);
        assert_eq!(stale(&mut shards, 1, &[]), [2]);
        assert_eq!(stale(&mut shards, 2, &[3]), [0, 1, 2, 3]);
        assert_eq!(stale(&mut shards, 2, &[3]), [3]);
    }
}
