//! The notices that a task can owe.

use crate::ledger::item::attribute;
use crate::ledger::records::TaskState;
use crate::ledger::write::Condition;

/// A notice of a task's end. Each is claimed by one worker, published, and marked as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The task is complete in this epoch.
    Complete(u32),
    /// The task is cancelled or stopped, for this many times.
    Cancelled(u32),
}

impl Notice {
    /// The state that the notice tells of, with the attribute that counts it; and the attribute
    /// that marks it, with its number.
    pub(super) fn attributes(self) -> ((TaskState, &'static str), (&'static str, u32)) {
        match self {
            Self::Complete(epoch) => (
                (TaskState::Complete, attribute::EPOCH),
                (attribute::NOTIFIED_EPOCH, epoch),
            ),
            Self::Cancelled(cancels) => (
                (TaskState::Cancelled, attribute::CANCELS),
                (attribute::CANCELS_NOTIFIED, cancels),
            ),
        }
    }

    /// The task is where the notice says, and the notice is not marked.
    pub(super) fn is_due(self) -> Vec<Condition> {
        let ((state, counter), (marked, number)) = self.attributes();
        vec![
            Condition::Is(attribute::STATE, state.name().into()),
            Condition::Is(counter, number.into()),
            Condition::AbsentOrBelow(marked, number.into()),
        ]
    }
}
