//! What becomes of a message that the queue gave up: its cell fails, and the protocol goes on from
//! there.

use super::Tracker;
use crate::ledger::LedgerError;
use crate::ledger::flow::{Outcome, Step};
use crate::ledger::transition::{Failure, Ticket};

impl Tracker {
    /// As [`Tracker::advance`], for the dead letter `message_id` that was sent in `epoch` of its
    /// task: a cell that is still pending has failed. One of an earlier epoch is a leftover: since
    /// then the cell was retried, with a message of its own, and what is here must not fail it.
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
        match step {
            Step::Start => {
                let task = self.ledger.task(&ticket.task).await?;
                match task {
                    Some(task) if epoch < task.epoch => Ok(Step::Delete),
                    _ => self.advance(ticket, Step::Start).await,
                }
            }
            Step::Work => Ok(Step::Record(Outcome::Failed(dead_lettered(message_id)))),
            step => self.advance(ticket, step).await,
        }
    }
}

fn dead_lettered(message_id: &str) -> Failure {
    Failure {
        code: "dead_lettered".to_owned(),
        message: format!(
            "message {message_id} was given up by the queue: every worker that had the cell died or lost it; \
             look for the cell in the workers' logs"
        ),
    }
}
