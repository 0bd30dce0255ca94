//! Cells that workers die of: counted, and kept from taking others along.
//!
//! A worker that dies drops all cells that it holds, so each of them looks as if it were the cause.
//! From then on each is worked on alone in its process: the innocent ones come to their end, and
//! the guilty one takes nobody along any more. So only its own crashes add up.

use std::sync::Arc;

use tilefleet_common::ledger::CellHistory;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// How many workers began a cell and told nothing of its end. `receives` are those of the message,
/// this one included; they bound the number because an explicit retry sends a new message, which
/// begins anew.
pub fn crashes(story: &CellHistory, receives: u32) -> u32 {
    let begun = story.receives.min(receives.saturating_sub(1));
    begun
        .saturating_sub(story.failures)
        .saturating_sub(story.interruptions)
}

/// Lets cells work side by side, or one alone.
#[derive(Debug, Default)]
pub struct Isolation(Arc<RwLock<()>>);

/// The right to work, until it is dropped.
#[derive(Debug)]
pub enum Turn {
    /// Beside others.
    Beside(OwnedRwLockReadGuard<()>),
    /// With no other.
    Alone(OwnedRwLockWriteGuard<()>),
}

impl Isolation {
    /// Waits for a turn. First come, first served: those who work side by side do not keep one
    /// waiting who has to be alone.
    pub async fn turn(&self, alone: bool) -> Turn {
        let lock = Arc::clone(&self.0);
        if alone {
            Turn::Alone(lock.write_owned().await)
        } else {
            Turn::Beside(lock.read_owned().await)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tries_of_which_nothing_is_told_count_as_crashes() {
        let story = |receives, failures, interruptions| CellHistory {
            receives,
            failures,
            interruptions,
            ..CellHistory::default()
        };
        assert_eq!(crashes(&story(3, 0, 0), 4), 3);
        assert_eq!(crashes(&story(3, 2, 1), 4), 0);
        assert_eq!(crashes(&story(8, 0, 1), 9), 7);
        assert_eq!(
            crashes(&story(8, 0, 0), 2),
            1,
            "a retry's message begins anew"
        );
        assert_eq!(
            crashes(&story(1, 0, 0), 9),
            1,
            "nobody began it the other times"
        );
        assert_eq!(crashes(&story(1, 5, 5), 2), 0);
    }

    #[tokio::test]
    async fn a_suspect_waits_for_the_others_and_they_for_it() {
        let isolation = Isolation::default();
        let (first, second) = (isolation.turn(false).await, isolation.turn(false).await);
        let suspect = isolation.turn(true);
        tokio::pin!(suspect);
        assert!(futures::poll!(&mut suspect).is_pending());
        let third = isolation.turn(false);
        tokio::pin!(third);
        assert!(
            futures::poll!(&mut third).is_pending(),
            "later than the suspect"
        );
        drop((first, second));
        let suspect = suspect.await;
        assert!(matches!(suspect, Turn::Alone(_)));
        assert!(futures::poll!(&mut third).is_pending());
        drop(suspect);
        assert!(matches!(third.await, Turn::Beside(_)));
    }
}
