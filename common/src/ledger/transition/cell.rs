//! Steps of a cell: it begins, its end is recorded, and it is taken out of its shard's sets.

use std::collections::BTreeSet;

use super::outcome::{Failure, Success};
use super::ticket::Ticket;
use crate::domain::TaskId;
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::records::artefact_list;
use crate::ledger::records::{CellState, NoRaster, TaskState};
use crate::ledger::write::{Action, Condition, Write};

/// Step 4: a worker begins the cell. Refused when it is ok already, or when the item's counters are
/// of messages that were sent before the cell was made pending again; see [`restart_cell`].
pub fn start_cell(ticket: &Ticket, worker: &str, now: &str) -> Write {
    let same_counters = match ticket.reopened {
        0 => Condition::Absent(attribute::REOPENED),
        times => Condition::Is(attribute::REOPENED, times.into()),
    };
    let mut actions = running(ticket, worker, now);
    actions.push(Action::Count(attribute::RECEIVES, 1));
    Write {
        key: ticket.cell_key(),
        conditions: vec![not_ok(), same_counters],
        actions,
    }
}

/// Step 4, for a cell that was made pending again: a worker begins it, and its counters begin from
/// zero. Refused when it is ok already, and to a message that is older than the item's counters.
pub fn restart_cell(ticket: &Ticket, worker: &str, now: &str) -> Write {
    let mut actions = running(ticket, worker, now);
    actions.extend([
        Action::Set(attribute::REOPENED, ticket.reopened.into()),
        Action::Set(attribute::RECEIVES, 1_u32.into()),
        Action::Remove(attribute::FAILURES),
        Action::Remove(attribute::INTERRUPTIONS),
    ]);
    Write {
        key: ticket.cell_key(),
        conditions: vec![
            not_ok(),
            Condition::AbsentOrBelow(attribute::REOPENED, ticket.reopened.into()),
        ],
        actions,
    }
}

fn not_ok() -> Condition {
    Condition::IsNot(attribute::STATE, CellState::Ok.name().into())
}

fn running(ticket: &Ticket, worker: &str, now: &str) -> Vec<Action> {
    let mut actions = vec![
        Action::Set(attribute::STATE, CellState::Running.name().into()),
        Action::Set(attribute::CELL, ticket.cell.to_string().into()),
        Action::Set(attribute::WORKER, worker.into()),
        Action::Set(attribute::STARTED_AT, now.into()),
    ];
    actions.extend(ticket.expiry());
    actions
}

/// Step 6, success: the cell is ok, with a raster or without one, whatever was said of it before.
pub fn record_ok(ticket: &Ticket, success: &Success, worker: &str, now: &str) -> Write {
    let number = |number: u64| Value::Number(i64::try_from(number).unwrap_or(i64::MAX));
    let mut actions = vec![
        Action::Set(attribute::STATE, CellState::Ok.name().into()),
        Action::Set(attribute::CELL, ticket.cell.to_string().into()),
        Action::Set(attribute::WORKER, worker.into()),
        Action::Set(attribute::ENDED_AT, now.into()),
        Action::Set(attribute::OUTPUT, success.output.to_string().into()),
        Action::Set(
            attribute::ARTEFACTS,
            artefact_list::encode(&success.artefacts).into(),
        ),
        Action::Set(attribute::FETCH_MS, number(success.fetch_ms)),
        Action::Set(attribute::FUSE_MS, number(success.fuse_ms)),
        Action::Set(attribute::PUBLISH_MS, number(success.publish_ms)),
        Action::Remove(attribute::ERROR_CODE),
        Action::Remove(attribute::ERROR_MESSAGE),
        match success.without_raster {
            Some(end) => Action::Set(attribute::WITHOUT_RASTER, end.name().into()),
            None => Action::Remove(attribute::WITHOUT_RASTER),
        },
    ];
    actions.extend(ticket.expiry());
    Write {
        key: ticket.cell_key(),
        conditions: vec![],
        actions,
    }
}

/// Step 6, failure: the cell has failed for good. Refused when somebody succeeded: ok wins.
pub fn record_failed(ticket: &Ticket, failure: &Failure, worker: &str, now: &str) -> Write {
    let mut actions = vec![
        Action::Set(attribute::STATE, CellState::Failed.name().into()),
        Action::Set(attribute::CELL, ticket.cell.to_string().into()),
        Action::Set(attribute::WORKER, worker.into()),
    ];
    actions.extend(failure.actions(now));
    actions.extend(ticket.expiry());
    Write {
        key: ticket.cell_key(),
        conditions: vec![not_ok()],
        actions,
    }
}

/// An attempt had a retryable failure. The answer has the number of them.
pub fn count_failure(ticket: &Ticket, failure: &Failure, now: &str) -> Write {
    let mut actions = vec![Action::Count(attribute::FAILURES, 1)];
    actions.extend(failure.actions(now));
    actions.extend(ticket.expiry());
    Write {
        key: ticket.cell_key(),
        conditions: vec![not_ok()],
        actions,
    }
}

/// An attempt was handed back unfinished, which is not a failure of the cell.
pub fn count_interruption(ticket: &Ticket) -> Write {
    let mut actions = vec![Action::Count(attribute::INTERRUPTIONS, 1)];
    actions.extend(ticket.expiry());
    Write {
        key: ticket.cell_key(),
        conditions: vec![],
        actions,
    }
}

/// Step 7, success: the cell is in no set of its shard. Refused when there is no such shard.
/// Doing it twice is doing it once:
///
/// ```
/// use tilefleet_common::domain::{JobId, TaskId};
/// use tilefleet_common::ledger::transition::{Ticket, close_ok, create_shard};
///
/// let task: TaskId = "rgb-1".parse()?;
/// let shard = create_shard(&task, 0, 0..2, None).apply(None).unwrap();
/// let cell = "48RXT/2020-08-01/0".parse()?;
/// let ticket = Ticket { task, shard: 0, group: 0, ordinal: 1, cell, job: JobId::Probe, reopened: 0, expires_at: None };
/// let once = close_ok(&ticket).apply(Some(&shard)).unwrap();
/// assert_ne!(once, shard);
/// assert_eq!(close_ok(&ticket).apply(Some(&once)).unwrap(), once);
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
pub fn close_ok(ticket: &Ticket) -> Write {
    let cell = BTreeSet::from([ticket.ordinal]);
    Write {
        key: ticket.shard(),
        conditions: vec![Condition::Exists(attribute::SIZE)],
        actions: vec![
            Action::Take(attribute::PENDING, cell.clone()),
            Action::Take(attribute::FAILED, cell.clone()),
            Action::Take(attribute::OUTSIDE_AREA, cell.clone()),
            Action::Take(attribute::TOO_FEW_VALID, cell),
        ],
    }
}

/// Step 7, success without a raster: the cell is in the set of those that ended as `end` says, and
/// in no other. Refused when there is no such shard. Doing it twice is doing it once.
pub fn close_without_raster(ticket: &Ticket, end: NoRaster) -> Write {
    let mut write = close_ok(ticket);
    // DynamoDB changes an attribute only once in a write.
    write
        .actions
        .retain(|action| !matches!(action, Action::Take(name, _) if *name == end.set()));
    let cell = BTreeSet::from([ticket.ordinal]);
    write.actions.push(Action::Insert(end.set(), cell));
    write
}

/// Step 7, failure: the cell is failed instead of pending. Refused when it is not pending any more.
pub fn close_failed(ticket: &Ticket) -> Write {
    let cell = BTreeSet::from([ticket.ordinal]);
    Write {
        key: ticket.shard(),
        conditions: vec![Condition::Contains(attribute::PENDING, ticket.ordinal)],
        actions: vec![
            Action::Take(attribute::PENDING, cell.clone()),
            Action::Insert(attribute::FAILED, cell),
        ],
    }
}

/// After step 7, failure: the header counts the cell. The answer has the count and the limit.
/// Refused when there is no limit, or when the task is not running.
pub fn count_failed(task: &TaskId) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::Exists(attribute::MAX_FAILED),
        ],
        actions: vec![Action::Count(attribute::FAILURES, 1)],
    }
}
