//! The machine that the worker runs on: when EC2 will take it away, and what its group has to know.
//!
//! All of it is off where there is no instance metadata, as on a developer's machine. Nothing of it
//! can fail a cell: a call that is refused is a warning.

use std::time::Duration;

use tilefleet_common::aws::{Group, Metadata};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::notice::{self, Notice, Seen};
use super::protection::{self, AGAIN};
use super::shutdown::Shutdown;

/// How often the notices are looked at (Amazon EC2 User Guide, "Spot Instance interruption
/// notices": every 5 seconds).
const LOOK: Duration = Duration::from_secs(5);
/// Kept free of the time that a notice leaves: for the ledger's steps and for handing back.
const MARGIN: Duration = Duration::from_secs(5);
/// How long no cells are received after a rebalance recommendation. The group launches a
/// replacement and then ends this machine. Where there is no capacity for one it does not, and the
/// worker goes on: a fleet whose machines are all at risk must not stand still.
const REBALANCE_PAUSE: Duration = Duration::from_mins(5);
/// The time that the last calls have when the worker ends.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// What the worker is told of its machine's group.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The group.
    pub group: Option<Group>,
    /// The hook in which a machine waits before its end, and how long it may wait there.
    pub hook: Option<(String, Duration)>,
}

/// The machine, watched.
#[derive(Debug)]
pub struct Machine {
    held: watch::Sender<usize>,
    /// Nothing is held, and nothing will be.
    drained: CancellationToken,
    /// The machine itself will end soon, whatever the worker does.
    leaving: CancellationToken,
    ended: CancellationToken,
    watch: JoinHandle<()>,
}

impl Machine {
    /// Begins to watch this machine, if it is one that has metadata.
    pub fn watch(membership: Membership, shutdown: Shutdown) -> Self {
        let held = watch::Sender::new(0);
        let (drained, leaving, ended) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let watcher = Watcher {
            membership,
            shutdown,
            drained: drained.clone(),
            leaving: leaving.clone(),
            ended: ended.clone(),
        };
        let watch = tokio::spawn(watcher.run(held.subscribe()));
        Self {
            held,
            drained,
            leaving,
            ended,
            watch,
        }
    }

    /// So many cells are held.
    pub fn holds(&self, cells: usize) {
        self.held
            .send_if_modified(|held| std::mem::replace(held, cells) != cells);
    }

    /// Nothing is held, and nothing will be.
    pub fn drained(&self) {
        self.drained.cancel();
    }

    /// Whether the machine itself will end soon. A worker that ended before it would only be
    /// started again.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_cancelled()
    }

    /// Ends the watch, and takes back what the group was told.
    pub async fn end(self) {
        self.ended.cancel();
        if tokio::time::timeout(LAST_CALLS, self.watch).await.is_err() {
            tracing::warn!("the group did not answer in time; scale-in protection may be left");
        }
    }
}

struct Watcher {
    membership: Membership,
    shutdown: Shutdown,
    drained: CancellationToken,
    leaving: CancellationToken,
    ended: CancellationToken,
}

impl Watcher {
    async fn run(self, held: watch::Receiver<usize>) {
        let Some(metadata) = Metadata::from_environment() else {
            return;
        };
        let ended = self.ended.clone();
        let instance = tokio::select! {
            instance = self.instance(&metadata) => instance,
            () = ended.cancelled() => return,
        };
        let Some(instance) = instance else { return };
        tracing::info!(instance, "watching this machine's notices");
        let protection = async {
            if let Some(group) = &self.membership.group {
                let tell = |protect| protection::tell(group, &instance, protect);
                protection::keep(tell, held, &self.leaving, &self.ended).await;
            }
        };
        let notices = async {
            tokio::select! {
                () = self.notices(&metadata, &instance) => {}
                () = ended.cancelled() => {}
            }
        };
        tokio::join!(protection, notices);
    }

    /// This machine's id. A worker that is told of a lifecycle hook is on a machine that has one;
    /// any other asks once.
    async fn instance(&self, metadata: &Metadata) -> Option<String> {
        let patient = self.membership.hook.is_some();
        loop {
            match metadata.read("instance-id").await {
                Ok(Some(instance)) => return Some(instance),
                Ok(None) => tracing::debug!("the instance metadata has no instance id"),
                Err(error) if patient => tracing::warn!(%error, "asking again later"),
                Err(error) => tracing::debug!(%error, "no machine to watch"),
            }
            if !patient {
                return None;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn notices(&self, metadata: &Metadata, instance: &str) {
        let mut seen = Seen::default();
        let mut silent = false;
        let mut terminating = false;
        loop {
            match notice::look(metadata).await {
                Ok(told) => {
                    silent = false;
                    for notice in seen.news(told) {
                        terminating |= notice == Notice::Terminating;
                        self.heed(&notice);
                    }
                }
                Err(error) if silent => tracing::debug!(%error),
                Err(error) => {
                    tracing::warn!(%error, "no notice can be seen");
                    silent = true;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.drained.cancelled(), if terminating => {
                    self.let_go(instance).await;
                    terminating = false;
                }
            }
        }
    }

    fn heed(&self, notice: &Notice) {
        match notice {
            Notice::Interrupted { action, left } => {
                tracing::info!(
                    action,
                    left_s = left.as_secs(),
                    "a spot interruption is announced"
                );
                self.leaving.cancel();
                self.shutdown
                    .stop_by(Instant::now() + left.saturating_sub(MARGIN));
            }
            Notice::Terminating => {
                let left = self
                    .membership
                    .hook
                    .as_ref()
                    .map_or(Duration::ZERO, |(_, time)| *time);
                tracing::info!(left_s = left.as_secs(), "the group is ending this machine");
                self.leaving.cancel();
                // A machine may have waited since the look before.
                self.shutdown
                    .stop_by(Instant::now() + left.saturating_sub(LOOK + 2 * MARGIN));
            }
            Notice::Rebalance => {
                tracing::info!(
                    pause_s = REBALANCE_PAUSE.as_secs(),
                    "a replacement is recommended; receiving no cells meanwhile"
                );
                self.shutdown.pause_until(Instant::now() + REBALANCE_PAUSE);
            }
        }
    }

    /// Tells the group that it need not wait for this machine.
    async fn let_go(&self, instance: &str) {
        let (Some(group), Some((hook, _))) = (&self.membership.group, &self.membership.hook) else {
            return;
        };
        loop {
            match group.complete_lifecycle(instance, hook).await {
                Ok(()) => {
                    tracing::info!(
                        hook,
                        "the lifecycle action is complete; waiting for the machine's end"
                    );
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the group waits longer than it need");
                    if !error.is_retryable() {
                        return;
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
