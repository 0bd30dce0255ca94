//! What becomes of a message that the queue gave up: its cell fails, and the protocol goes on from
//! there.

use super::advance::Tracker;
use crate::ledger::flow::{Deferral, Outcome, Step};
use crate::ledger::transition::{Failure, Ticket};
use crate::ledger::{LedgerError, RecipeTrouble};

impl Tracker {
    /// As [`Tracker::advance`], for the dead letter `message_id` that was sent in `epoch` of its
    /// task: a cell that is still pending has failed.
    ///
    /// A dead letter of an earlier epoch is a leftover. Its cell was retried since then, with a
    /// message of its own, and this one must not fail it. A dead letter with a recipe that this
    /// version does not understand stays: old workers may have handed it back until the queue gave
    /// it up, which is not the cell's fault.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger gave no answer; the same step can be carried out again.
    pub async fn advance_dead_letter(
        &self,
        ticket: &Ticket,
        epoch: u32,
        message_id: &str,
        step: Step,
    ) -> Result<Step, LedgerError> {
        let failed = || Step::Record(Outcome::Failed(dead_lettered(message_id)));
        let read_shard = step == Step::ReadShard;
        if matches!(step, Step::Work(_)) {
            return Ok(failed());
        }
        match self.advance(ticket, step).await? {
            // The cell is pending.
            Step::ReadRecipe | Step::Start(_)
                if read_shard && self.is_retried(ticket, epoch).await? =>
            {
                Ok(Step::Delete)
            }
            Step::Defer(Deferral::Recipe(
                RecipeTrouble::Missing(_) | RecipeTrouble::Differs { .. },
            )) => Ok(failed()),
            next => Ok(next),
        }
    }

    /// Whether the task is in a later epoch now.
    async fn is_retried(&self, ticket: &Ticket, epoch: u32) -> Result<bool, LedgerError> {
        let task = self.ledger().task(&ticket.task).await?;
        Ok(task.is_some_and(|task| epoch < task.epoch))
    }
}

fn dead_lettered(message_id: &str) -> Failure {
    Failure {
        code: "dead_lettered".to_owned(),
        message: format!(
            "message {message_id} was received too often, and its dead letter was drained; look for the cell in the \
             workers' logs, and retry it"
        ),
    }
}
