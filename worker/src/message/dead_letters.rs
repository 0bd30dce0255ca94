//! Drains the dead-letter queue: its messages become failed cells, so that every task ends.

use std::time::Duration;

use tokio::time::Instant;

use super::handler::MessageHandler;
use super::inbox::Inbox;
use crate::machine::Shutdown;

/// The wait after a receive that failed.
const RETRY_WAIT: Duration = Duration::from_secs(30);

/// Handles the messages of `inbox`, until a receive that waits for `wait` brings none, or fails.
pub(crate) async fn drain(
    inbox: &Inbox,
    handler: &MessageHandler,
    shutdown: &Shutdown,
    wait: Duration,
) {
    loop {
        let messages = tokio::select! {
            // One at a time: they are handled one after the other, and no lease covers those that
            // wait.
            messages = inbox.queue.receive(1, wait) => messages,
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
                tracing::warn!(%error, "the dead-letter queue cannot be read; retrying later");
                tokio::select! {
                    () = tokio::time::sleep(RETRY_WAIT) => {}
                    () = shutdown.stop.cancelled() => {}
                }
                return;
            }
        }
    }
}
