//! What becomes of a message at the end, and how long it waits for another attempt.

use std::time::Duration;

use tilefleet_common::aws::delay_after;

/// The wait after the first failure, give or take half of it; it doubles with each, up to
/// [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(5);
const MAX_WAIT: Duration = Duration::from_mins(15);

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// The protocol is at its end: the message is deleted.
    Delete,
    /// The message becomes visible again after this wait.
    ReleaseAfter(Duration),
    /// The lease is lost and another worker can have the message: it is left alone.
    LeaveAlone,
}

impl Disposition {
    /// Visible again after the backoff for so many failures.
    pub(super) fn after_backoff(failures: u32) -> Self {
        Self::ReleaseAfter(backoff(failures))
    }
}

/// The wait after so many failures.
pub(super) fn backoff(failures: u32) -> Duration {
    delay_after(FIRST_WAIT, MAX_WAIT, failures)
}

/// The wait after a notice that could not be sent, at least [`FIRST_WAIT`].
pub(super) fn notice_backoff(receives: u32) -> Duration {
    backoff(receives) + FIRST_WAIT
}
