//! Steps of `forget`: the task is not found any more, then its items are deleted.

use crate::domain::TaskId;
use crate::ledger::item::{Key, attribute};
use crate::ledger::write::{Action, Condition, Write};

/// The state of a task whose items are being deleted. It is the last one, and readers take the task
/// for one that does not exist; so it is none of `TaskState`.
pub const FORGOTTEN: &str = "FORGOTTEN";

/// Forget, step 1: no step of the protocol applies to the task any more, and no list has it. Refused
/// when its state is not `as_read`.
pub fn forget_task(task: &TaskId, as_read: &str) -> Write {
    Write {
        key: Key::Header(task.clone()),
        conditions: vec![Condition::Is(attribute::STATE, as_read.into())],
        actions: vec![
            Action::Set(attribute::STATE, FORGOTTEN.into()),
            Action::Remove(attribute::LISTED),
        ],
    }
}
