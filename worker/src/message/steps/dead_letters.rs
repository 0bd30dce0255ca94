//! The messages that the queue gave up.
//!
//! A dead letter says that its message was received ten times, not why. Its cell fails only if its
//! own attempts are used up; otherwise the message is sent again. So an outage, or a worker that
//! hands everything back, fails no cell.

use std::time::Duration;

use tilefleet_common::domain::CellMessage;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::Failure;

use crate::message::delivery::Delivery;
use crate::message::disposition::Disposition;
use crate::message::handler::MessageHandler;
use crate::trouble;

/// How long a message that is sent again stays hidden: the longest delay of SQS (Amazon SQS
/// developer guide, "Amazon SQS message timers").
const RESEND_DELAY: Duration = Duration::from_mins(15);
/// How often a message is sent again. With ten receives each, and a quarter of an hour between
/// them, no outage lasts as long.
const MAX_RESENT: u32 = 20;
/// How long a dead letter waits that cannot be judged now.
const LATER: Duration = Duration::from_mins(1);

impl MessageHandler {
    /// The failure of a dead letter's cell, if its own attempts are used up. Otherwise the message
    /// is sent again, and its dead letter is deleted.
    pub(super) async fn judge_dead_letter(
        &self,
        delivery: &Delivery<'_>,
    ) -> Result<Failure, Disposition> {
        let (ticket, message) = (&delivery.ticket, delivery.message);
        let history = match self.budget.history(ticket).await {
            Ok(history) => history,
            Err(error) => {
                self.breakers.trip(&trouble::of_ledger(&error));
                return Err(Disposition::ReleaseAfter(LATER));
            }
        };
        if let Some(failure) = self.budget.used_up(&history, ticket.reopened) {
            tracing::error!(
                code = failure.code,
                error = failure.message,
                "failed; its message was given up by the queue"
            );
            return Ok(failure);
        }
        if message.resent >= MAX_RESENT {
            return Ok(never_begun(&delivery.received.id, message.resent));
        }
        Err(self.send_again(delivery).await)
    }

    /// Sends the message again, first that and then the deletion of the dead letter: a worker that
    /// dies between the two leaves the message twice, which does no harm.
    async fn send_again(&self, delivery: &Delivery<'_>) -> Disposition {
        // While something does not work, messages only come back.
        if self.breakers.stop_receiving() {
            return Disposition::ReleaseAfter(LATER);
        }
        let again = CellMessage {
            resent: delivery.message.resent + 1,
            ..delivery.message.clone()
        };
        // Its strings and numbers always have a JSON form.
        let body = serde_json::to_string(&again).unwrap_or_default();
        let delay = fault::shortened(RESEND_DELAY);
        let group = again.task.as_str();
        if let Err(error) = self.cells.send_later(group, body, delay).await {
            tracing::warn!(%error, "the dead letter is not sent again yet");
            self.breakers.trip(&trouble::of_queue(&error));
            return Disposition::ReleaseAfter(LATER);
        }
        fault::point_of(Point::Resend, &again.cell.id);
        tracing::warn!(
            resent = again.resent,
            delay_s = delay.as_secs(),
            "the queue gave the message up, and its cell is not to blame; sent again"
        );
        Disposition::Delete
    }
}

fn never_begun(message_id: &str, resent: u32) -> Failure {
    Failure {
        code: "never_begun".to_owned(),
        message: format!(
            "message {message_id} was sent {resent} times again and every worker handed it back; look for the cell in \
             the workers' logs, mend what they name, and retry"
        ),
    }
}
