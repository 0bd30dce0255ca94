//! The protocol, and the protocol with one of its rules taken out, to show that the rule is needed.

use tilefleet_common::ledger::flow::{Answer, Operation, Outcome, Step};
use tilefleet_common::ledger::transition::{Notice, Ticket};
use tilefleet_common::ledger::{
    Condition, Counted, Part, Progress, TaskRecord, Transaction, Write, attribute, counted,
};

/// A rule that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// `close_shard` does not check that the shard is without pending cells.
    CloseShardUnchecked,
    /// `close_group` does not check that the group is without open shards.
    CloseGroupUnchecked,
    /// Steps 8 and 8b take a group that is not there for one without open shards.
    GroupNeedNotExist,
    /// A worker whose cell failed deletes its message when another worker succeeded, instead of
    /// carrying on that success.
    RefusedFailureDropped,
    /// `close_failed` does not check whether the cell is still pending.
    CloseFailedUnconditional,
    /// `retry_shard` does not check whether the shard's failures are those it has read.
    RetryOfOtherFailures,
    /// `release_notice` does not check whose lease it gives back.
    ReleaseOfAnyLease,
    /// `mark_enqueued` does not check whether the shard was reopened since it was read.
    EnqueuedThoughReopened,
    /// `stop_task` does not check whether the limit is still reached.
    StopBelowLimit,
    /// A worker publishes what it has counted, whatever happened meanwhile.
    CountNotChecked,
    /// `resume` sends what is pending before the task runs again.
    SendBeforeRunning,
    /// `submit` puts the task before its recipe.
    TaskBeforeRecipe,
    /// `retry_shard` does not check whether the task's state and epoch are those it has read.
    RetryInAnyEpoch,
    /// A worker that finds a cell ok closes it as one with a raster, whatever its item says.
    EndForgotten,
}

impl Flaw {
    /// The operation without the rule.
    pub(crate) fn operation(flaw: Option<Self>, step: &Step, operation: Operation) -> Operation {
        match (flaw, step, operation) {
            (
                Some(Self::CloseShardUnchecked),
                Step::CloseShard,
                Operation::Transact(mut transaction),
            ) => {
                transaction
                    .parts
                    .retain(|part| matches!(part, Part::Write(_)));
                Operation::Transact(transaction)
            }
            (
                Some(Self::CloseGroupUnchecked),
                Step::CloseGroup,
                Operation::Transact(transaction),
            ) => Operation::Transact(without(transaction, |condition| {
                matches!(condition, Condition::Absent(_))
            })),
            (
                Some(Self::GroupNeedNotExist),
                Step::CloseShard | Step::CloseGroup,
                Operation::Transact(transaction),
            ) => Operation::Transact(without(transaction, |condition| {
                matches!(condition, Condition::Exists(_))
            })),
            (
                Some(Self::CloseFailedUnconditional),
                Step::CloseFailed,
                Operation::Write(mut write),
            ) => {
                write.conditions.clear();
                Operation::Write(write)
            }
            (Some(Self::StopBelowLimit), Step::Stop(_), Operation::Write(mut write)) => {
                write
                    .conditions
                    .retain(|condition| !matches!(condition, Condition::AtLeast(..)));
                Operation::Write(write)
            }
            (
                Some(Self::ReleaseOfAnyLease),
                Step::ReleaseNotice { .. },
                Operation::Write(mut write),
            ) => {
                write.conditions.retain(
                    |condition| !matches!(condition, Condition::Is(name, _) if *name == attribute::NOTIFY_UNTIL),
                );
                Operation::Write(write)
            }
            (_, _, operation) => operation,
        }
    }

    /// What a count is worth without the rule.
    pub(crate) fn counted(
        flaw: Option<Self>,
        notice: Notice,
        progress: Progress,
        now: Option<&TaskRecord>,
    ) -> Counted {
        match flaw {
            Some(Self::CountNotChecked) => Counted::Stands,
            _ => counted(notice, progress, now),
        }
    }

    /// The mark of an enqueued shard without the rule.
    pub(crate) fn mark_enqueued(flaw: Option<Self>, mut mark: Write) -> Write {
        if flaw == Some(Self::EnqueuedThoughReopened) {
            mark.conditions.clear();
        }
        mark
    }

    /// The step that follows the answer without the rule.
    pub(crate) fn next(flaw: Option<Self>, step: Step, ticket: &Ticket, answer: &Answer) -> Step {
        match (flaw, &step, answer) {
            (
                Some(Self::RefusedFailureDropped),
                Step::Record(Outcome::Failed(_)),
                Answer::Refused(_),
            ) => Step::Delete,
            (Some(Self::EndForgotten), Step::Start(_) | Step::Restart(_), Answer::Refused(_)) => {
                match step.next(ticket, answer) {
                    Step::CloseOk(_) => Step::CloseOk(None),
                    next => next,
                }
            }
            _ => step.next(ticket, answer),
        }
    }

    /// A retry without the rule.
    pub(crate) fn retry(flaw: Option<Self>, operation: Operation) -> Operation {
        let Operation::Transact(mut transaction) = operation else {
            return operation;
        };
        for part in &mut transaction.parts {
            let Part::Write(write) = part else { continue };
            write
                .conditions
                .retain(|condition| match (flaw, condition) {
                    (Some(Self::RetryOfOtherFailures), Condition::Is(name, _)) => {
                        *name != attribute::FAILED
                    }
                    (Some(Self::RetryInAnyEpoch), Condition::Is(name, _)) => {
                        *name == attribute::FAILED
                    }
                    _ => true,
                });
        }
        Operation::Transact(transaction)
    }
}

/// The transaction without the conditions of one kind.
fn without(mut transaction: Transaction, kind: impl Fn(&Condition) -> bool) -> Transaction {
    for part in &mut transaction.parts {
        let (Part::Check(_, conditions) | Part::Write(Write { conditions, .. })) = part;
        conditions.retain(|condition| !kind(condition));
    }
    transaction
}
