//! Steps of a task's end: its shards are closed, it is complete, and its notice goes out.

use super::outcome::cut;
use crate::domain::TaskId;
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::records::TaskState;
use crate::ledger::write::{Action, Condition, Part, Transaction, Write};

/// Step 8: the shard is not open any more. Refused when a retry has made a cell of it pending
/// again; without that check a retry that runs at the same time leaves a complete task with pending
/// cells.
pub fn close_shard(task: &TaskId, shard: u32) -> Transaction {
    Transaction {
        parts: vec![
            Part::Check(
                Key::Shard(task.clone(), shard),
                vec![Condition::Absent(attribute::PENDING)],
            ),
            Part::Write(Write {
                key: Key::Task(task.clone()),
                conditions: vec![],
                actions: vec![Action::Take(attribute::OPEN_SHARDS, [shard].into())],
            }),
        ],
    }
}

/// Step 9: no shard is open, so the task is complete. Refused when it is not running or a shard is
/// open.
pub fn complete_task(task: &TaskId, now: &str) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::Absent(attribute::OPEN_SHARDS),
        ],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Complete.name().into()),
            Action::Set(attribute::COMPLETED_AT, now.into()),
        ],
    }
}

/// Step 9: one worker has the notice of `epoch` to itself from second `now` to second `until`.
/// Refused when it went out, when the epoch is over, or while another worker has it.
pub fn claim_notice(task: &TaskId, epoch: u32, now: i64, until: i64) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Complete.name().into()),
            Condition::Is(attribute::EPOCH, epoch.into()),
            Condition::AbsentOrBelow(attribute::NOTIFIED_EPOCH, epoch.into()),
            Condition::AbsentOrBelow(attribute::NOTIFY_UNTIL, now),
        ],
        actions: vec![Action::Set(attribute::NOTIFY_UNTIL, Value::Number(until))],
    }
}

/// Step 9: the notice of `epoch` went out. The lease stays: after a retry it may be somebody
/// else's, for the next epoch.
pub fn mark_notified(task: &TaskId, epoch: u32) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![Condition::AbsentOrBelow(
            attribute::NOTIFIED_EPOCH,
            epoch.into(),
        )],
        actions: vec![
            Action::Set(attribute::NOTIFIED_EPOCH, epoch.into()),
            Action::Remove(attribute::NOTICE_ERROR),
        ],
    }
}

/// Step 9: the notice of `epoch` could not be sent; the next one to try need not wait for the lease
/// that ends at second `until`. Refused when another worker has the notice by now: without that
/// check its lease is given away under its hands, and a third sends the notice beside it.
pub fn release_notice(task: &TaskId, epoch: u32, until: i64, why: &str) -> Write {
    Write {
        key: Key::Task(task.clone()),
        conditions: vec![
            Condition::Is(attribute::EPOCH, epoch.into()),
            Condition::AbsentOrBelow(attribute::NOTIFIED_EPOCH, epoch.into()),
            Condition::Is(attribute::NOTIFY_UNTIL, Value::Number(until)),
        ],
        actions: vec![
            Action::Set(attribute::NOTICE_ERROR, cut(why).into()),
            Action::Remove(attribute::NOTIFY_UNTIL),
        ],
    }
}
