//! How often and after which delays a call is attempted. Only this module knows the `backoff`
//! crate.

use std::time::Duration;

use aws_sdk_s3::config::retry::{RetryPartition, TokenBucket};
use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// Longest delay of a [`RetryBudget`].
const MAX_DELAY: Duration = Duration::from_secs(20);
/// How far a delay may be from its middle, as a part of it.
const JITTER: f64 = 0.5;
/// Failures after which a delay does not grow any more, whatever its bounds are.
const MAX_DOUBLINGS: u32 = 32;

/// Tokens for retries of one client. One retry of the SDK takes 5 to 14 of them.
const TOKENS: usize = 500;
/// Tokens that come back in a second, besides those that successes return. After an outage a client
/// soon has retries again.
const TOKENS_PER_SECOND: f32 = 5.0;

/// The SDK's budget for the retries of one client, so that an outage of one service leaves those of
/// the others alone.
pub(super) fn partition(client: String) -> RetryPartition {
    let tokens = TokenBucket::builder()
        .capacity(TOKENS)
        .refill_rate(TOKENS_PER_SECOND);
    RetryPartition::custom(client)
        .token_bucket(tokens.build())
        .build()
}

/// A bounded number of attempts with exponential backoff between them.
///
/// It is for what the SDK does not retry itself: entries that a batch returns, transactions that
/// collide, bodies that break off.
///
/// ```
/// # use std::time::Duration;
/// use tilefleet_common::aws::RetryBudget;
///
/// let mut retries = RetryBudget::new(2, Duration::from_millis(50));
/// // The first attempt failed: wait, then try again.
/// assert!(retries.next_delay().is_some());
/// // The second failed as well, and there is no third.
/// assert!(retries.next_delay().is_none());
/// ```
#[derive(Debug)]
pub struct RetryBudget {
    attempts_left: u32,
    backoff: ExponentialBackoff,
}

impl RetryBudget {
    /// A budget of `attempts` attempts, the first included. The first delay is `first_delay`, give
    /// or take half of it; each further one doubles, up to 20 s.
    pub fn new(attempts: u32, first_delay: Duration) -> Self {
        let backoff = backoff(first_delay, MAX_DELAY);
        Self {
            attempts_left: attempts,
            backoff,
        }
    }

    /// The delay before the next attempt, or `None` when no attempt is left. The caller sleeps.
    pub fn next_delay(&mut self) -> Option<Duration> {
        self.attempts_left = self.attempts_left.saturating_sub(1);
        if self.attempts_left == 0 {
            return None;
        }
        self.backoff.next_backoff()
    }
}

/// The delay after so many failures, for a caller that counts them itself: the same delays, up to
/// `max_delay`. The caller sleeps, or hides a message for so long.
pub fn delay_after(first_delay: Duration, max_delay: Duration, failures: u32) -> Duration {
    // The factor is the upper end of the jitter.
    let mut backoff = backoff(first_delay, max_delay.div_f64(1.0 + JITTER));
    let mut delays = std::iter::from_fn(|| backoff.next_backoff());
    let index = usize::try_from(failures.min(MAX_DOUBLINGS)).unwrap_or(0);
    delays.nth(index).unwrap_or(max_delay).min(max_delay)
}

/// The one policy: delays of `first_delay`, give or take half of it, then of twice as much and so
/// on, up to `max_delay`, give or take half of it.
fn backoff(first_delay: Duration, max_delay: Duration) -> ExponentialBackoff {
    ExponentialBackoff {
        current_interval: first_delay,
        initial_interval: first_delay,
        multiplier: 2.0,
        randomization_factor: JITTER,
        max_interval: max_delay,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_bounded_and_delays_double() {
        let mut retries = RetryBudget::new(4, Duration::from_millis(100));
        let delays: Vec<u128> = std::iter::from_fn(|| retries.next_delay())
            .map(|delay| delay.as_millis())
            .collect();
        assert_eq!(delays.len(), 3, "{delays:?}");
        for (delay, centre) in delays.iter().zip([100, 200, 400]) {
            assert!((centre / 2..=centre * 3 / 2).contains(delay), "{delays:?}");
        }
    }

    #[test]
    fn delays_of_counted_failures_double_up_to_their_bound() {
        let (first, most) = (Duration::from_secs(1), Duration::from_mins(5));
        for failures in [0, 1, 2, 6] {
            let delay = delay_after(first, most, failures);
            let middle = first * 2_u32.pow(failures);
            assert!(
                (middle / 2..=middle * 3 / 2).contains(&delay),
                "{failures}: {delay:?}"
            );
        }
        for failures in [9, 40, u32::MAX] {
            let delay = delay_after(first, most, failures);
            assert!((most / 3..=most).contains(&delay), "{failures}: {delay:?}");
        }
    }
}
