//! Cells of a shard become pending again, and the task waits for the shard again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tilefleet_common::domain::TaskId;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::{
    Part, ShardRecord, TaskRecord, TaskState, TransactionAnswer, transition,
};
use tilefleet_common::tracker::rfc3339;

use super::connection::FleetConnection;
use crate::error::ProducerError;

/// Attempts for a shard that other processes change between the read and the write.
const ATTEMPTS: u32 = 20;

/// The task's item.
///
/// # Errors
/// [`ProducerError::Cancelled`] when the task is cancelled, [`ProducerError::LastDays`] when it
/// expires soon.
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
    in_time(task, &record)?;
    Ok(record)
}

/// Cells of the task may be sent: it does not expire before the queue drops their messages.
///
/// # Errors
/// [`ProducerError::LastDays`] when it does.
pub(crate) fn in_time(task: &TaskId, record: &TaskRecord) -> Result<(), ProducerError> {
    match record.expires_at {
        Some(moment) if record.is_in_last_days(Timestamp::now().as_second()) => {
            Err(ProducerError::LastDays {
                task: task.clone(),
                expires: Timestamp::from_second(moment).map_or_else(|_| String::new(), rfc3339),
            })
        }
        _ => Ok(()),
    }
}

/// Makes cells of shards pending again.
#[derive(Debug)]
pub(crate) struct Reopening<'a> {
    pub(crate) fleet: &'a FleetConnection,
    pub(crate) task: &'a TaskId,
    /// The task's item as last read, or as the last reopened shard left it.
    pub(crate) record: TaskRecord,
}

impl Reopening<'_> {
    /// Reopens shard `number`, last read as `sets`: `cells` chooses ordinals from the sets as they
    /// are at each attempt, and the transaction also carries out `beside`. Returns how many cells
    /// became pending.
    pub(crate) async fn shard(
        &mut self,
        number: u32,
        mut sets: ShardRecord,
        cells: impl Fn(&ShardRecord) -> BTreeSet<u32>,
        beside: &[Part],
    ) -> Result<u32, ProducerError> {
        // The transaction is refused when anything it was based on has changed. Then everything is
        // read again, and another attempt follows.
        for _ in 0..ATTEMPTS {
            let cells = cells(&sets);
            if cells.is_empty() {
                return Ok(0);
            }
            let state_and_epoch = (self.record.state, self.record.epoch);
            let place = (self.record.group_of(number), number);
            let mut retry =
                transition::retry_shard(self.task, state_and_epoch, place, &sets.failed, &cells);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::task_record;

    #[test]
    fn nothing_is_sent_in_the_last_fourteen_days_of_a_task() {
        const DAY_S: i64 = 24 * 3600;
        let after = |days: i64| {
            let record = TaskRecord {
                expires_at: Some(Timestamp::now().as_second() + days * DAY_S),
                ..task_record()
            };
            in_time(&"t".parse().unwrap(), &record)
        };
        assert!(after(15).is_ok());
        assert!(matches!(after(13), Err(ProducerError::LastDays { .. })));
        assert!(in_time(&"t".parse().unwrap(), &task_record()).is_ok());
    }
}
