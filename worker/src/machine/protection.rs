//! Scale-in protection, so that the group chooses another machine than one that holds cells.

use std::time::Duration;

use tilefleet_common::aws::Group;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a worker is idle before its machine may be chosen. Cells come and go meanwhile without
/// a call.
const RELEASE_AFTER: Duration = Duration::from_mins(1);
/// The wait before metadata that must be there is asked for again, and before a call that failed is
/// made again.
pub(super) const AGAIN: Duration = Duration::from_secs(15);

/// Protects the machine, by `tell`, which says whether it worked, while `held` is not zero. Returns
/// when `ended` is cancelled, with the protection taken back; a machine that is leaving needs none
/// any more.
///
/// What a former worker of this machine left is not known at the beginning, so the first release is
/// always told.
pub(super) async fn keep<T: Future<Output = bool>>(
    tell: impl Fn(bool) -> T,
    mut held: watch::Receiver<usize>,
    leaving: &CancellationToken,
    ended: &CancellationToken,
) {
    let mut protected = None;
    tokio::select! {
        () = follow(&tell, &mut held, &mut protected) => {}
        () = leaving.cancelled() => return ended.cancelled().await,
        () = ended.cancelled() => {}
    }
    if protected == Some(true) {
        tell(false).await;
    }
}

async fn follow<T: Future<Output = bool>>(
    tell: &impl Fn(bool) -> T,
    held: &mut watch::Receiver<usize>,
    protected: &mut Option<bool>,
) {
    loop {
        let busy = *held.borrow_and_update() > 0;
        if *protected == Some(busy) {
            if held.changed().await.is_err() {
                return;
            }
            continue;
        }
        if !busy {
            tokio::select! {
                _ = held.wait_for(|held| *held > 0) => continue,
                () = tokio::time::sleep(RELEASE_AFTER) => {}
            }
        }
        if tell(busy).await {
            *protected = Some(busy);
        } else {
            // It may have been told for all that.
            *protected = None;
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Tells the group of it; a refusal is a warning and nothing more.
pub(super) async fn tell(group: &Group, instance: &str, protect: bool) -> bool {
    match group.protect(instance, protect).await {
        Ok(()) => {
            tracing::info!(protect, "scale-in protection set");
            true
        }
        Err(error) => {
            tracing::warn!(%error, protect, "scale-in protection not set; the cells are not affected");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Runs through numbers of held cells, each for so many seconds, and gives what the group was
    /// told.
    async fn told(story: &[(usize, u64)], refused: usize) -> Vec<bool> {
        let held = watch::Sender::new(0);
        let (leaving, ended) = (CancellationToken::new(), CancellationToken::new());
        let log = Arc::new(Mutex::new(vec![]));
        let tell = {
            let log = Arc::clone(&log);
            move |protect| {
                let mut log = log.lock().unwrap();
                log.push(protect);
                std::future::ready(log.len() > refused)
            }
        };
        let (seen, stop) = (held.subscribe(), ended.clone());
        let keeping = tokio::spawn(async move { keep(tell, seen, &leaving, &stop).await });
        for (cells, seconds) in story {
            held.send_replace(*cells);
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
        }
        ended.cancel();
        keeping.await.unwrap();
        let log = log.lock().unwrap();
        log.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn cells_that_come_and_go_cost_no_call_each() {
        let busy: Vec<(usize, u64)> = (0..50).map(|n| (n % 2, 30)).collect();
        assert_eq!(
            told(&busy, 0).await,
            [true, false],
            "set once, and taken back at the end"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_machine_may_be_chosen_after_a_minute() {
        assert!(told(&[(0, 50)], 0).await.is_empty());
        assert_eq!(
            told(&[(0, 70)], 0).await,
            [false],
            "whatever a former worker left"
        );
        assert_eq!(
            told(&[(2, 10), (0, 70), (1, 1)], 0).await,
            [true, false, true, false]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_fails_is_made_again_later() {
        assert_eq!(told(&[(1, 40)], 2).await, [true, true, true, false]);
    }
}
