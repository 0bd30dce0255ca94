//! The queues that a worker receives from.

use std::time::Duration;

use tilefleet_common::aws::Queue;

/// Which of the two queues a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The queue of cells: there is work to do.
    Cells,
    /// The dead-letter queue: a cell that is still pending has failed.
    DeadLetters,
}

/// A queue that a worker receives from.
#[derive(Debug, Clone)]
pub struct Inbox {
    /// Which of the two it is.
    pub origin: Origin,
    /// The queue.
    pub queue: Queue,
    /// Its visibility timeout, by which leases are renewed.
    pub visibility_timeout: Duration,
}
