//! Steps that find tasks which nobody moves: a submit whose producer is gone, and a task whose
//! messages are.

use crate::domain::TaskId;
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::records::TaskState;
use crate::ledger::write::{Action, Condition, Write};

/// How long a task that stays stalled is not told again, in seconds: a day.
const TOLD_AGAIN_S: i64 = 24 * 3600;

/// Submit: the producer lives, and says so again before Unix second `until`. Refused when the submit
/// is done.
pub fn renew_submitter(task: &TaskId, until: i64) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::Absent(attribute::SUBMITTED_AT),
        ],
        actions: vec![Action::Set(
            attribute::SUBMITTER_UNTIL,
            Value::Number(until),
        )],
    }
}

/// Sweep: the submit is this worker's until `until`. Refused when it is done, or while the producer,
/// or another worker, has it at Unix `second`.
pub fn claim_submit(task: &TaskId, second: i64, until: i64) -> Write {
    let mut write = renew_submitter(task, until);
    write
        .conditions
        .push(Condition::AbsentOrBelow(attribute::SUBMITTER_UNTIL, second));
    write
}

/// Sweep: the queues are empty although the task runs. Refused when that was seen before.
pub fn note_quiet(task: &TaskId, second: i64) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::Absent(attribute::QUIET_SINCE),
        ],
        actions: vec![Action::Set(attribute::QUIET_SINCE, Value::Number(second))],
    }
}

/// Sweep: the queues are not empty any more.
pub fn note_motion(task: &TaskId, quiet_since: i64) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![Condition::Is(
            attribute::QUIET_SINCE,
            Value::Number(quiet_since),
        )],
        actions: vec![
            Action::Remove(attribute::QUIET_SINCE),
            Action::Remove(attribute::STALLED_UNTIL),
        ],
    }
}

/// Sweep: one worker has it to itself until `until` to tell that the task is stalled. Refused while
/// another one has it at Unix `second`, or has told.
pub fn claim_sweep(task: &TaskId, stalls: u32, second: i64, until: i64) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::AbsentOrBelow(attribute::STALLS, stalls.into()),
            Condition::AbsentOrBelow(attribute::SWEEP_UNTIL, second),
        ],
        actions: vec![Action::Set(attribute::SWEEP_UNTIL, Value::Number(until))],
    }
}

/// Sweep: it was told for the `stalls`-th time that the task is stalled. It is told again after a
/// day.
pub fn mark_stalled(task: &TaskId, stalls: u32, second: i64) -> Write {
    let until = second.saturating_add(TOLD_AGAIN_S);
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![
            Condition::Is(attribute::STATE, TaskState::Running.name().into()),
            Condition::AbsentOrBelow(attribute::STALLS, stalls.into()),
        ],
        actions: vec![
            Action::Set(attribute::STALLS, stalls.into()),
            Action::Set(attribute::STALLED_UNTIL, Value::Number(until)),
        ],
    }
}
