//! Steps of an operator's commands: cancel, resume, retry and repair.

use std::collections::BTreeSet;

use super::outcome::{Failure, cut};
use super::ticket::Ticket;
use crate::domain::{Artefact, TaskId};
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::records::artefact_list;
use crate::ledger::records::{CellState, TaskState};
use crate::ledger::write::{Action, Condition, Part, Transaction, Write};

/// The reason of a task that its limit of failed cells has stopped.
const MAX_FAILED_REASON: &str = "max_failed";

/// Cancel: workers drop the task's messages from now on. Refused when it is not running. The
/// answer's count of cancellations distinguishes this one from earlier ones. Whoever does it has the
/// notice to itself until second `until`; afterwards a worker that receives a message sends it.
pub fn cancel_task(task: &TaskId, reason: &str, now: &str, until: i64) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![Condition::Is(
            attribute::STATE,
            TaskState::Running.name().into(),
        )],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Cancelled.name().into()),
            Action::Set(attribute::REASON, cut(reason).into()),
            Action::Set(attribute::CANCELLED_AT, now.into()),
            Action::Set(attribute::NOTIFY_UNTIL, Value::Number(until)),
            Action::Count(attribute::CANCELS, 1),
        ],
    }
}

/// The task has as many failed cells as its limit says: it is cancelled, and the worker that does it
/// has the notice to itself until second `until`. Refused when the task is not running or a retry or
/// resume has reset the count.
pub fn stop_task(task: &TaskId, limit: u32, now: &str, until: i64) -> Write {
    let mut write = cancel_task(task, MAX_FAILED_REASON, now, until);
    let limit = Condition::AtLeast(attribute::FAILURES, limit.into());
    write.conditions.push(limit);
    let stopped = Action::Set(attribute::STOPPED, Value::Flag(true));
    write.actions.push(stopped);
    write
}

/// Resume: a cancelled task runs again. Its messages are gone, so everything pending is to be sent
/// after this, not before: a worker that still saw it as cancelled would drop them.
pub fn resume_task(task: &TaskId) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![Condition::Is(
            attribute::STATE,
            TaskState::Cancelled.name().into(),
        )],
        actions: vec![
            Action::Set(attribute::STATE, TaskState::Running.name().into()),
            Action::Remove(attribute::REASON),
            Action::Remove(attribute::CANCELLED_AT),
            Action::Remove(attribute::STOPPED),
            Action::Remove(attribute::FAILURES),
            Action::Remove(attribute::NOTIFY_UNTIL),
            Action::Remove(attribute::NOTICE_ERROR),
        ],
    }
}

/// Retry: `cells` of a shard are pending again, and the task runs. An ended task enters the next
/// epoch with the first shard that is reopened. The shard counts as not enqueued until the cells
/// have been sent, so that a retry that dies before is completed by another. The shard is open in
/// its group again, and the group in the header, so that the next step 8, 8b or 9 of a worker that
/// has seen them empty is refused. Refused when the shard's failures, `failed`, or the task's state
/// and epoch are not as read: read both again.
pub fn retry_shard(
    task: &TaskId,
    (state, epoch): (TaskState, u32),
    (group, shard): (u32, u32),
    failed: &BTreeSet<u32>,
    cells: &BTreeSet<u32>,
) -> Transaction {
    // An ended task enters the next epoch.
    let next = if state == TaskState::Running {
        epoch
    } else {
        epoch.saturating_add(1)
    };
    let as_read = if failed.is_empty() {
        Condition::Absent(attribute::FAILED)
    } else {
        Condition::Is(attribute::FAILED, Value::Numbers(failed.clone()))
    };
    // Shard, group and header open together: none of them may close in between.
    Transaction {
        parts: vec![
            Part::Write(Write {
                key: Key::Shard(task.clone(), shard),
                conditions: vec![as_read],
                actions: vec![
                    Action::Insert(attribute::PENDING, cells.clone()),
                    Action::Take(attribute::FAILED, cells.clone()),
                    Action::Take(attribute::OUTSIDE_AREA, cells.clone()),
                    Action::Take(attribute::TOO_FEW_VALID, cells.clone()),
                    Action::Remove(attribute::ENQUEUED),
                    Action::Count(attribute::REOPENED, 1),
                ],
            }),
            Part::Write(Write {
                key: Key::Group(task.clone(), group),
                conditions: vec![Condition::Exists(attribute::SIZE)],
                actions: vec![Action::Insert(attribute::OPEN_SHARDS, [shard].into())],
            }),
            Part::Write(Write {
                key: Key::Header(task.clone()),
                conditions: vec![
                    Condition::Is(attribute::STATE, state.name().into()),
                    Condition::Is(attribute::EPOCH, epoch.into()),
                ],
                actions: vec![
                    Action::Insert(attribute::OPEN_GROUPS, [group].into()),
                    Action::Set(attribute::STATE, TaskState::Running.name().into()),
                    Action::Set(attribute::EPOCH, next.into()),
                    Action::Remove(attribute::COMPLETED_AT),
                    Action::Remove(attribute::FAILURES),
                    Action::Remove(attribute::NOTIFY_UNTIL),
                    Action::Remove(attribute::NOTICE_ERROR),
                ],
            }),
        ],
    }
}

/// Beside [`retry_shard`], for a cell that is ok but whose artefacts are not what its item says: the
/// item is not ok any more, or else the next worker would believe it. Refused when the item has
/// other artefacts than as read.
pub fn lose_cell(ticket: &Ticket, artefacts: &[Artefact], failure: &Failure, now: &str) -> Write {
    let as_read = if artefacts.is_empty() {
        Condition::Absent(attribute::ARTEFACTS)
    } else {
        let list = artefact_list::encode(artefacts);
        Condition::Is(attribute::ARTEFACTS, list.into())
    };
    let mut actions = vec![Action::Set(
        attribute::STATE,
        CellState::Failed.name().into(),
    )];
    actions.extend(failure.actions(now));
    actions.extend([attribute::OUTPUT, attribute::ARTEFACTS].map(Action::Remove));
    actions.extend(ticket.expiry());
    Write {
        key: ticket.cell_key(),
        conditions: vec![
            Condition::Is(attribute::STATE, CellState::Ok.name().into()),
            as_read,
        ],
        actions,
    }
}
