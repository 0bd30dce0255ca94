//! Waiting between tries. The only module that knows the `backoff` crate.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// A bounded number of tries with exponential waits in between, for what the SDK does not retry
/// itself: entries that come back from a batch, transactions that collide.
#[derive(Debug)]
pub struct Attempts {
    left: u32,
    waits: ExponentialBackoff,
}

impl Attempts {
    /// At most `tries` tries; waits begin at about `first` and double up to 20 s.
    pub fn new(tries: u32, first: Duration) -> Self {
        let waits = ExponentialBackoff {
            current_interval: first,
            initial_interval: first,
            multiplier: 2.0,
            randomization_factor: 0.5,
            max_interval: Duration::from_secs(20),
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self { left: tries, waits }
    }

    /// Waits for the next try; `false` when there is none left.
    pub async fn again(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return false;
        }
        match self.waits.next_backoff() {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }
}

/// A wait of between nothing and `first` doubled `failures` times, at most `longest`: "Exponential
/// backoff and jitter" (AWS Architecture Blog), full jitter.
pub fn full_jitter(first: Duration, longest: Duration, failures: u32) -> Duration {
    let ceiling = first
        .saturating_mul(2_u32.saturating_pow(failures.min(16)))
        .min(longest);
    ceiling.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_are_bounded() {
        let mut attempts = Attempts::new(4, Duration::from_millis(50));
        let mut tries = 1;
        while attempts.again().await {
            tries += 1;
        }
        assert_eq!(tries, 4);
    }

    #[test]
    fn jitter_stays_below_its_ceiling() {
        for failures in 0..40 {
            let wait = full_jitter(Duration::from_secs(1), Duration::from_mins(5), failures);
            assert!(
                wait <= Duration::from_mins(5)
                    && wait <= Duration::from_secs(1 << failures.min(20))
            );
        }
    }
}
