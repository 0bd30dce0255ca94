//! A message while a worker holds it.

use tilefleet_common::aws::Received;
use tilefleet_common::domain::CellMessage;
use tilefleet_common::ledger::transition::Ticket;
use tokio_util::sync::CancellationToken;

use super::inbox::Origin;
use crate::activity::Held;

/// A well-formed message, for as long as the worker holds it.
pub(super) struct Delivery<'a> {
    pub(super) origin: Origin,
    pub(super) queue_url: &'a str,
    pub(super) message: &'a CellMessage,
    pub(super) received: &'a Received,
    pub(super) ticket: Ticket,
    /// Cancelled when another worker can have the message.
    pub(super) lease_lost: &'a CancellationToken,
    pub(super) activity: Held,
}
