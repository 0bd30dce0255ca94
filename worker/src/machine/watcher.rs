//! Watches the machine: acts on the notices of its end, and tells the Auto Scaling group whether it
//! holds cells.
//!
//! All of it is off where there is no instance metadata, as on a developer's machine. None of it
//! can fail a cell: a refused call is a warning.

use std::time::Duration;

use tilefleet_common::aws::{Group, Metadata};
use tilefleet_common::ledger::{Answer, Ledger, LedgerError, transition};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::notice::{self, Notice, NoticeTracker};
use super::protection::{self, RETRY_WAIT};
use super::shutdown::Shutdown;

/// How often the notices are read (Amazon EC2 User Guide, "Spot Instance interruption notices":
/// every 5 seconds).
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// Subtracted from the time that a notice leaves: for the ledger's steps and for handing back.
const MARGIN: Duration = Duration::from_secs(5);
/// How long no cells are received after a rebalance recommendation. The group launches a
/// replacement and then terminates this machine. Without capacity for one it does not, and the
/// worker goes on: a fleet whose machines are all at risk must not stand still.
const REBALANCE_PAUSE: Duration = Duration::from_mins(5);
/// The time that the last calls have when the worker ends.
const FINAL_CALLS_TIMEOUT: Duration = Duration::from_secs(3);

/// The Auto Scaling group that the machine is in.
#[derive(Debug, Clone)]
pub struct GroupMembership {
    /// `None` outside of a group, where nothing is to be protected.
    pub group: Option<Group>,
    /// Where the group's machines agree on who is replaced.
    pub ledger: Ledger,
    /// The lifecycle hook in which a machine waits before it is terminated, and the longest time
    /// that it can wait there.
    pub hook: Option<(String, Duration)>,
}

impl GroupMembership {
    /// Whether this machine may be replaced. The first to ask within an hour may.
    async fn may_replace(&self) -> Result<bool, LedgerError> {
        let Some(group) = &self.group else {
            return Ok(false);
        };
        let second = jiff::Timestamp::now().as_second();
        let claim = transition::claim_replacement(group.name(), second);
        Ok(matches!(
            self.ledger.write(&claim).await?,
            Answer::Applied(_)
        ))
    }
}

/// The machine, watched by a task in the background.
#[derive(Debug)]
pub struct Machine {
    held: watch::Sender<usize>,
    /// The worker holds no cells, and will receive none.
    drained: CancellationToken,
    /// The machine will be terminated soon, whatever the worker does.
    terminating: CancellationToken,
    /// Another machine should take this one's place.
    broken: CancellationToken,
    ended: CancellationToken,
    watcher: JoinHandle<()>,
}

impl Machine {
    /// Starts to watch this machine, if it has instance metadata.
    pub fn watch(membership: GroupMembership, shutdown: Shutdown) -> Self {
        let held = watch::Sender::new(0);
        let (drained, terminating, broken, ended) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let watcher = Watcher {
            membership,
            shutdown,
            drained: drained.clone(),
            terminating: terminating.clone(),
            broken: broken.clone(),
            ended: ended.clone(),
        };
        let watcher = tokio::spawn(watcher.run(held.subscribe()));
        Self {
            held,
            drained,
            terminating,
            broken,
            ended,
            watcher,
        }
    }

    /// Sets how many cells the worker holds.
    pub fn set_held(&self, cells: usize) {
        self.held
            .send_if_modified(|held| std::mem::replace(held, cells) != cells);
    }

    /// The worker holds no cells, and will receive none.
    pub fn set_drained(&self) {
        self.drained.cancel();
    }

    /// Asks the group to replace this machine: the worker cannot work on it. The group does so at
    /// most once an hour.
    pub fn replace(&self) {
        self.broken.cancel();
    }

    /// Whether the machine will be terminated soon. A worker that ended before it would only be
    /// started again.
    pub fn is_terminating(&self) -> bool {
        self.terminating.is_cancelled()
    }

    /// Stops watching, and removes the scale-in protection.
    pub async fn end(self) {
        self.ended.cancel();
        if tokio::time::timeout(FINAL_CALLS_TIMEOUT, self.watcher)
            .await
            .is_err()
        {
            tracing::warn!(
                "the group did not answer in time; scale-in protection is perhaps not removed"
            );
        }
    }
}

struct Watcher {
    membership: GroupMembership,
    shutdown: Shutdown,
    drained: CancellationToken,
    terminating: CancellationToken,
    broken: CancellationToken,
    ended: CancellationToken,
}

impl Watcher {
    async fn run(self, held: watch::Receiver<usize>) {
        let Some(metadata) = Metadata::from_environment() else {
            return;
        };
        let ended = self.ended.clone();
        let instance = tokio::select! {
            instance = self.instance_id(&metadata) => instance,
            () = ended.cancelled() => return,
        };
        let Some(instance) = instance else { return };
        tracing::info!(instance, "watching this machine's notices");
        let protection = async {
            if let Some(group) = &self.membership.group {
                let set_protection = |protect| protection::set(group, &instance, protect);
                protection::maintain(set_protection, held, &self.terminating, &self.ended).await;
            }
        };
        let notices = async {
            tokio::select! {
                () = self.poll_notices(&metadata, &instance) => {}
                () = ended.cancelled() => {}
            }
        };
        let replacement = async {
            tokio::select! {
                () = self.broken.cancelled() => self.replace(&instance).await,
                () = ended.cancelled() => {}
            }
        };
        tokio::join!(protection, notices, replacement);
    }

    /// This machine's id. A worker with a lifecycle hook runs on a machine that has one, and
    /// repeats a failed read; any other reads once.
    async fn instance_id(&self, metadata: &Metadata) -> Option<String> {
        let must_exist = self.membership.hook.is_some();
        loop {
            match metadata.read("instance-id").await {
                Ok(Some(instance)) => return Some(instance),
                Ok(None) => tracing::debug!("the instance metadata has no instance id"),
                Err(error) if must_exist => {
                    tracing::warn!(%error, "the instance id cannot be read; reading it again later");
                }
                Err(error) => tracing::debug!(%error, "no instance metadata to watch"),
            }
            if !must_exist {
                return None;
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }

    /// Tells the group that this machine is unhealthy, if no machine of the group was replaced within
    /// the last hour: what is wrong everywhere must not make a fleet replace itself for ever.
    async fn replace(&self, instance: &str) {
        let Some(group) = &self.membership.group else {
            return;
        };
        match self.membership.may_replace().await {
            Ok(true) => match group.set_unhealthy(instance).await {
                Ok(()) => tracing::error!(instance, "this machine is to be replaced"),
                Err(error) => tracing::warn!(%error, "this machine cannot be replaced"),
            },
            Ok(false) => tracing::warn!(
                "a machine of the group was replaced within the last hour; this one stays"
            ),
            Err(error) => tracing::warn!(%error, "this machine cannot be replaced"),
        }
    }

    async fn poll_notices(&self, metadata: &Metadata, instance: &str) {
        let mut tracker = NoticeTracker::default();
        let mut failing = false;
        let mut hook_waits = false;
        loop {
            match notice::read(metadata).await {
                Ok(snapshot) => {
                    failing = false;
                    for notice in tracker.new_notices(snapshot) {
                        hook_waits |= notice == Notice::Terminating;
                        self.act_on(&notice);
                    }
                }
                // One warning for a row of failures.
                Err(error) if failing => tracing::debug!(%error),
                Err(error) => {
                    tracing::warn!(%error, "the notices cannot be read");
                    failing = true;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = self.drained.cancelled(), if hook_waits => {
                    self.complete_lifecycle_action(instance).await;
                    hook_waits = false;
                }
            }
        }
    }

    fn act_on(&self, notice: &Notice) {
        match notice {
            Notice::Interrupted { action, left } => {
                tracing::info!(
                    action,
                    left_s = left.as_secs(),
                    "a spot interruption is announced"
                );
                self.terminating.cancel();
                self.shutdown
                    .stop_by(Instant::now() + left.saturating_sub(MARGIN));
            }
            Notice::Terminating => {
                let left = self
                    .membership
                    .hook
                    .as_ref()
                    .map_or(Duration::ZERO, |(_, time)| *time);
                tracing::info!(
                    left_s = left.as_secs(),
                    "the group is terminating this machine"
                );
                self.terminating.cancel();
                // The hook can have begun just after the poll before.
                self.shutdown
                    .stop_by(Instant::now() + left.saturating_sub(POLL_INTERVAL + 2 * MARGIN));
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

    /// Completes the lifecycle action, so that the group does not wait longer for this machine.
    async fn complete_lifecycle_action(&self, instance: &str) {
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
                    tracing::warn!(
                        %error,
                        "the lifecycle action is not completed; the group waits for the hook's timeout"
                    );
                    if !error.is_retryable() {
                        return;
                    }
                }
            }
            tokio::time::sleep(RETRY_WAIT).await;
        }
    }
}
