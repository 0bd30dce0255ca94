//! The lease on a message: its visibility timeout is extended for as long as it is worked on.

use std::time::Duration;

use tilefleet_common::aws::AwsError;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::inbox::Inbox;

/// The longest time that SQS hides one message, counted from its receive ("Amazon SQS visibility
/// timeout": 12 hours).
const MAX_LEASE: Duration = Duration::from_hours(12);
/// The fraction of the timeout after which a lease without a renewal counts as lost: another worker
/// can receive the message soon, and the two must not publish side by side for long.
const LOST_AFTER: f64 = 0.8;
/// The wait before a failed renewal is repeated.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// A lease. Dropping it ends the renewals and leaves the message to its timeout.
#[derive(Debug)]
pub(super) struct Lease {
    lost: CancellationToken,
    _renewals: DropGuard,
}

impl Lease {
    /// Starts to renew the lease on the message of `receipt`, received at `since` from `inbox`.
    pub(super) fn start(inbox: &Inbox, receipt: String, since: Instant) -> Self {
        let (queue, timeout) = (inbox.queue.clone(), inbox.visibility_timeout);
        let (lost, ended) = (CancellationToken::new(), CancellationToken::new());
        let hide = move || {
            let (queue, receipt) = (queue.clone(), receipt.clone());
            async move { queue.hide(&receipt, timeout).await }
        };
        let renewals = renew(hide, timeout, since, lost.clone());
        let until = ended.clone();
        let span = tracing::Span::current();
        tokio::spawn(tracing::Instrument::instrument(
            async move {
                tokio::select! {
                    () = renewals => {}
                    () = until.cancelled() => {}
                }
            },
            span,
        ));
        Self {
            lost,
            _renewals: ended.drop_guard(),
        }
    }

    /// Cancelled when the lease is lost: another worker can have the message.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

async fn renew<H: Future<Output = Result<(), AwsError>>>(
    hide: impl Fn() -> H,
    timeout: Duration,
    since: Instant,
    lost: CancellationToken,
) {
    let mut renewed = since;
    let mut wait = timeout / 3;
    loop {
        // Wait for the next renewal, which is the last within the 12 hours of SQS.
        tokio::time::sleep_until(renewed + wait).await;
        let began = Instant::now();
        if began + timeout > since + MAX_LEASE {
            tracing::error!(
                "the cell is at the 12 hours for which SQS hides a message; giving it up"
            );
            break;
        }
        // Renew, or try again as long as nobody else can have the message.
        let limit = (renewed + timeout.mul_f64(LOST_AFTER)).saturating_duration_since(began);
        match tokio::time::timeout(limit, hide()).await {
            Ok(Ok(())) => {
                tracing::debug!(timeout_s = timeout.as_secs(), "lease renewed");
                renewed = began;
                wait = timeout / 3;
            }
            Ok(Err(error))
                if error.is_retryable()
                    && began + RETRY_WAIT < renewed + timeout.mul_f64(LOST_AFTER) =>
            {
                tracing::warn!(%error, "the lease could not be renewed; retrying");
                wait = began + RETRY_WAIT - renewed;
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the lease is lost; another worker will have the cell");
                break;
            }
            Err(_) => {
                tracing::error!(
                    "the lease could not be renewed in time; another worker will have the cell"
                );
                break;
            }
        }
    }
    lost.cancel();
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(2);

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_given_up_before_the_twelve_hours_of_sqs_are_over() {
        let (lost, since) = (CancellationToken::new(), Instant::now());
        renew(|| std::future::ready(Ok(())), TIMEOUT, since, lost.clone()).await;
        assert!(lost.is_cancelled());
        let held = since.elapsed();
        assert!(
            held + TIMEOUT + TIMEOUT / 3 > MAX_LEASE && held < MAX_LEASE,
            "{held:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_without_an_answer_loses_the_lease_at_four_fifths_of_the_timeout() {
        let (lost, since) = (CancellationToken::new(), Instant::now());
        renew(std::future::pending, TIMEOUT, since, lost.clone()).await;
        assert!(lost.is_cancelled());
        assert_eq!(
            since.elapsed().as_secs(),
            TIMEOUT.mul_f64(LOST_AFTER).as_secs()
        );
    }
}
