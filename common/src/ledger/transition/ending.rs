//! Steps of a task's end: its shards and groups are closed, it is complete, and its notice goes out.

use super::notice::Notice;
use super::outcome::cut;
use crate::domain::TaskId;
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::records::TaskState;
use crate::ledger::write::{Action, Condition, Part, Transaction, Write};

/// Step 8: the shard is not open in its group any more. Refused when a retry has made a cell of it
/// pending again; without that check a retry that runs at the same time leaves a complete task with
/// pending cells.
pub fn close_shard(task: &TaskId, group: u32, shard: u32) -> Transaction {
    Transaction {
        parts: vec![
            Part::Check(
                Key::Shard(task.clone(), shard),
                vec![
                    Condition::Exists(attribute::SIZE),
                    Condition::Absent(attribute::PENDING),
                ],
            ),
            Part::Write(Write {
                key: Key::Group(task.clone(), group),
                conditions: vec![Condition::Exists(attribute::SIZE)],
                actions: vec![Action::Take(attribute::OPEN_SHARDS, [shard].into())],
            }),
        ],
    }
}

/// Step 8b: the group is not open in the header any more. Refused when a retry has reopened a shard
/// of it, and when there is no such group: one that is not there has no open shards either, and its
/// shards may be full of pending cells.
pub fn close_group(task: &TaskId, group: u32) -> Transaction {
    Transaction {
        parts: vec![
            Part::Check(
                Key::Group(task.clone(), group),
                vec![
                    Condition::Exists(attribute::SIZE),
                    Condition::Absent(attribute::OPEN_SHARDS),
                ],
            ),
            Part::Write(Write {
                key: Key::Header(task.clone()),
                conditions: vec![Condition::Exists(attribute::STATE)],
                actions: vec![Action::Take(attribute::OPEN_GROUPS, [group].into())],
            }),
        ],
    }
}

/// Step 9: no group is open, so the task is complete. Refused when it is not running or a group is
/// open.
pub fn complete_task(task: &TaskId, now: &str) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::Absent(attribute::OPEN_GROUPS),
        ],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Complete.name().into()),
            Action::Set(attribute::COMPLETED_AT, now.into()),
        ],
    }
}

/// Step 9: one worker has the notice to itself from second `now` to second `until`. Refused when it
/// went out, when the task is not any more where the notice says, or while another worker has it.
pub fn claim_notice(task: &TaskId, notice: Notice, now: i64, until: i64) -> Write {
    let mut conditions = notice.is_due();
    conditions.push(Condition::AbsentOrBelow(attribute::NOTIFY_UNTIL, now));
    Write {
        key: Key::Header(task.clone()),
        conditions,
        actions: vec![Action::Set(attribute::NOTIFY_UNTIL, Value::Number(until))],
    }
}

/// Step 9: the notice went out. The claim stays: after a retry or a resume it may be somebody
/// else's, for the next notice.
pub fn mark_notified(task: &TaskId, notice: Notice) -> Write {
    let (_, (marked, number)) = notice.attributes();
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Exists(attribute::STATE),
            Condition::AbsentOrBelow(marked, number.into()),
        ],
        actions: vec![
            Action::Set(marked, number.into()),
            Action::Remove(attribute::NOTICE_ERROR),
        ],
    }
}

/// Step 9: the notice could not be sent; the next one to try need not wait for the claim that ends
/// at second `until`. Refused when another worker has the notice by now: without that check its
/// claim is given away while it publishes, and a third sends the notice beside it.
pub fn release_notice(task: &TaskId, notice: Notice, until: i64, why: &str) -> Write {
    let mut conditions = notice.is_due();
    conditions.push(Condition::Is(attribute::NOTIFY_UNTIL, Value::Number(until)));
    Write {
        key: Key::Header(task.clone()),
        conditions,
        actions: vec![
            Action::Set(attribute::NOTICE_ERROR, cut(why).into()),
            Action::Remove(attribute::NOTIFY_UNTIL),
        ],
    }
}
