//! The delays between attempts of a call. Only this module knows the `backoff` crate.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// Longest delay of a [`RetryBudget`].
const MAX_DELAY: Duration = Duration::from_secs(20);

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
        let backoff = ExponentialBackoff {
            current_interval: first_delay,
            initial_interval: first_delay,
            multiplier: 2.0,
            randomization_factor: 0.5,
            max_interval: MAX_DELAY,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
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

/// A random delay between zero and `first_delay` doubled `failures` times, at most `max_delay`:
/// "full jitter" ("Exponential Backoff And Jitter", AWS Architecture Blog).
pub fn full_jitter(first_delay: Duration, max_delay: Duration, failures: u32) -> Duration {
    let ceiling = first_delay
        .saturating_mul(2_u32.saturating_pow(failures.min(16)))
        .min(max_delay);
    ceiling.mul_f64(rand::random::<f64>())
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
    fn jitter_stays_below_its_ceiling() {
        for failures in 0..40 {
            let delay = full_jitter(Duration::from_secs(1), Duration::from_mins(5), failures);
            assert!(
                delay <= Duration::from_mins(5)
                    && delay <= Duration::from_secs(1 << failures.min(20))
            );
        }
    }
}
