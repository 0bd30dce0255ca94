//! The life of one message, from its receive to its end, and of all messages of the dead-letter queue.

use std::time::Duration;

use tilefleet_common::aws::Received;
use tilefleet_common::domain::{CellMessage, MessageError};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::flow::Deferral;
use tilefleet_common::ledger::transition::Ticket;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::delivery::Delivery;
use super::disposition::Disposition;
use super::handler::MessageHandler;
use super::inbox::Inbox;
use super::lease::Lease;
use crate::machine::Shutdown;

impl MessageHandler {
    /// Brings a message received at `since` to its end. Never fails: what cannot be done now is
    /// done on redelivery.
    pub async fn handle(&self, inbox: &Inbox, received: Received, since: Instant) {
        // What is no message of this layout has no life.
        let message = match CellMessage::read(&received.body) {
            Ok(message) => message,
            Err(MessageError::Layout(layout)) => {
                let disposition = self.deferred(&Deferral::Layout(layout), received.receives);
                self.dispose(inbox, &received, disposition).await;
                return;
            }
            Err(MessageError::Malformed(error)) => {
                let disposition = self.keep_poison(inbox.queue.url(), &received, &error).await;
                self.dispose(inbox, &received, disposition).await;
                return;
            }
        };
        fault::point_of(Point::Receive, &message.cell.id);
        let ticket = Ticket::of(&message);
        let span = tracing::info_span!(
            "cell",
            task = %ticket.task, cell = %ticket.cell, worker = self.worker,
            shard = ticket.shard, ordinal = ticket.ordinal, receives = received.receives
        );
        async {
            // Hold the message while the protocol runs, and give it its end after that.
            let lease = Lease::start(inbox, received.receipt.clone(), since);
            let delivery = Delivery {
                origin: inbox.origin,
                queue_url: inbox.queue.url(),
                message: &message,
                received: &received,
                activity: self.activities.begin(&ticket),
                ticket,
                lease_lost: lease.lost(),
            };
            let disposition = self.run_protocol(&delivery).await;
            let cell = delivery.ticket.cell;
            drop(lease);
            self.dispose(inbox, &received, disposition).await;
            if disposition == Disposition::Delete {
                fault::point_of(Point::Delete, &cell);
            }
        }
        .instrument(span)
        .await;
    }
}

/// Handles the messages of `inbox`, until a receive brings none, or fails.
pub(crate) async fn drain(inbox: &Inbox, handler: &MessageHandler, shutdown: &Shutdown) {
    while !handler.breakers.stop_receiving() {
        let messages = tokio::select! {
            // One at a time: they are handled one after the other, and no lease covers those that
            // wait.
            messages = inbox.queue.receive(1, Duration::ZERO) => messages,
            () = shutdown.stop.cancelled() => return,
        };
        match messages {
            Ok(messages) if messages.is_empty() => return,
            Ok(messages) => {
                let since = Instant::now();
                for message in messages {
                    handler.handle(inbox, message, since).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the dead-letter queue cannot be read; it is read again later");
                return;
            }
        }
    }
}
