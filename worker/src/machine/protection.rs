//! Scale-in protection: the Auto Scaling group terminates an idle machine rather than one that
//! holds cells.

use std::time::Duration;

use tilefleet_common::aws::Group;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long a worker is idle before the protection is removed. Cells come and go meanwhile without
/// a call.
const IDLE_BEFORE_RELEASE: Duration = Duration::from_mins(1);
/// The wait before a failed call to the instance metadata or to Auto Scaling is repeated.
pub(super) const RETRY_WAIT: Duration = Duration::from_secs(15);

/// Protects the machine while `held` is above zero. `set_protection` makes the call and returns
/// whether it succeeded. Returns when `ended` is cancelled, after removing the protection; a
/// machine that is being terminated needs none.
///
/// At the start the state that a former worker of this machine left is unknown, so the first
/// release always makes the call.
pub(super) async fn maintain<T: Future<Output = bool>>(
    set_protection: impl Fn(bool) -> T,
    mut held: watch::Receiver<usize>,
    terminating: &CancellationToken,
    ended: &CancellationToken,
) {
    let mut protected = None;
    tokio::select! {
        () = follow_held(&set_protection, &mut held, &mut protected) => {}
        () = terminating.cancelled() => return ended.cancelled().await,
        () = ended.cancelled() => {}
    }
    if protected == Some(true) {
        set_protection(false).await;
    }
}

async fn follow_held<T: Future<Output = bool>>(
    set_protection: &impl Fn(bool) -> T,
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
                () = tokio::time::sleep(IDLE_BEFORE_RELEASE) => {}
            }
        }
        if set_protection(busy).await {
            *protected = Some(busy);
        } else {
            // The call can have taken effect all the same.
            *protected = None;
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}

/// Sets or removes the protection of `instance`; returns whether that succeeded. A refusal is only
/// a warning.
pub(super) async fn set(group: &Group, instance: &str, protect: bool) -> bool {
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

    /// Holds so many cells for so many seconds, entry by entry, and returns the calls that were
    /// made. The first `refused` calls fail.
    async fn calls(entries: &[(usize, u64)], refused: usize) -> Vec<bool> {
        let held = watch::Sender::new(0);
        let (terminating, ended) = (CancellationToken::new(), CancellationToken::new());
        let log = Arc::new(Mutex::new(vec![]));
        let set_protection = {
            let log = Arc::clone(&log);
            move |protect| {
                let mut log = log.lock().unwrap();
                log.push(protect);
                std::future::ready(log.len() > refused)
            }
        };
        let (receiver, stop) = (held.subscribe(), ended.clone());
        let task =
            tokio::spawn(
                async move { maintain(set_protection, receiver, &terminating, &stop).await },
            );
        for (cells, seconds) in entries {
            held.send_replace(*cells);
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
        }
        ended.cancel();
        task.await.unwrap();
        let log = log.lock().unwrap();
        log.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn cells_that_come_and_go_cost_no_call_each() {
        let busy: Vec<(usize, u64)> = (0..50).map(|n| (n % 2, 30)).collect();
        assert_eq!(
            calls(&busy, 0).await,
            [true, false],
            "set once, and removed at the end"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_machine_loses_its_protection_after_a_minute() {
        assert!(calls(&[(0, 50)], 0).await.is_empty());
        assert_eq!(
            calls(&[(0, 70)], 0).await,
            [false],
            "whatever a former worker left"
        );
        assert_eq!(
            calls(&[(2, 10), (0, 70), (1, 1)], 0).await,
            [true, false, true, false]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_is_repeated_later() {
        assert_eq!(calls(&[(1, 40)], 2).await, [true, true, true, false]);
    }
}
