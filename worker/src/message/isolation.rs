//! Isolation of the cells that workers die of.
//!
//! A worker that dies drops all cells that it holds, so each of them looks like the cause. From
//! then on each runs alone in its process: the innocent ones come to their end, and the guilty one
//! takes no other cell along. So only its own crashes add up.

use std::sync::Arc;

use tilefleet_common::ledger::CellHistory;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The number of crashes: attempts of which the ledger has no end, since the cell was made pending
/// the last time, `reopened`.
///
/// `receives` counts those of the message, this one included, and bounds the number: while two
/// workers have the cell, the attempt of the other one has no end yet. Receives alone prove nothing;
/// a person who looks at the queue in the console makes some. A message that was sent again starts
/// from zero and has no such bound (`None`).
pub(super) fn crashes(history: &CellHistory, reopened: u32, receives: Option<u32>) -> u32 {
    if history.reopened != reopened {
        return 0;
    }
    let bound = receives.map_or(u32::MAX, |receives| receives.saturating_sub(1));
    let begun = history.receives.min(bound);
    begun
        .saturating_sub(history.failures)
        .saturating_sub(history.interruptions)
}

/// Lets cells run side by side, or one alone.
#[derive(Debug, Default)]
pub struct Isolation(Arc<RwLock<()>>);

/// The right to run a cell, until it is dropped.
#[derive(Debug)]
pub(super) enum Permit {
    /// Beside others.
    Shared {
        /// Released on drop.
        _guard: OwnedRwLockReadGuard<()>,
    },
    /// Alone.
    Exclusive {
        /// Released on drop.
        _guard: OwnedRwLockWriteGuard<()>,
    },
}

impl Isolation {
    /// Waits for a permit. First come, first served: shared permits that are requested later do not
    /// delay an exclusive one.
    pub(super) async fn acquire(&self, exclusive: bool) -> Permit {
        let lock = Arc::clone(&self.0);
        if exclusive {
            Permit::Exclusive {
                _guard: lock.write_owned().await,
            }
        } else {
            Permit::Shared {
                _guard: lock.read_owned().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_attempts_without_a_recorded_end_count_as_crashes() {
        let history = |receives, failures, interruptions| CellHistory {
            receives,
            failures,
            interruptions,
            ..CellHistory::default()
        };
        assert_eq!(crashes(&history(3, 0, 0), 0, Some(4)), 3);
        assert_eq!(crashes(&history(3, 2, 1), 0, Some(4)), 0);
        assert_eq!(crashes(&history(8, 0, 1), 0, Some(9)), 7);
        assert_eq!(
            crashes(&history(1, 0, 0), 0, Some(9)),
            1,
            "no worker began it the other times"
        );
        assert_eq!(crashes(&history(1, 5, 5), 0, Some(2)), 0);
        assert_eq!(
            crashes(&history(2, 0, 0), 0, None),
            2,
            "a message that was sent again"
        );
    }

    #[test]
    fn what_happened_before_a_retry_is_no_crash_however_often_somebody_looked_at_the_queue() {
        let before = CellHistory {
            receives: 8,
            ..CellHistory::default()
        };
        assert_eq!(crashes(&before, 1, Some(7)), 0);
    }

    #[tokio::test]
    async fn a_suspect_waits_for_the_others_and_they_for_it() {
        let isolation = Isolation::default();
        let (first, second) = (
            isolation.acquire(false).await,
            isolation.acquire(false).await,
        );
        let suspect = isolation.acquire(true);
        tokio::pin!(suspect);
        assert!(futures::poll!(&mut suspect).is_pending());
        let third = isolation.acquire(false);
        tokio::pin!(third);
        assert!(
            futures::poll!(&mut third).is_pending(),
            "later than the suspect"
        );
        drop((first, second));
        let suspect = suspect.await;
        assert!(matches!(suspect, Permit::Exclusive { .. }));
        assert!(futures::poll!(&mut third).is_pending());
        drop(suspect);
        assert!(matches!(third.await, Permit::Shared { .. }));
    }
}
