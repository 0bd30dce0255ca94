//! Breakers: while something that a cell needs does not work, cells that need it are left in the
//! queue.
//!
//! A breaker opens with the first [`Trouble`] and closes when a probe, or a cell, finds that the
//! dependency works again. While the breaker of the queue, the ledger or the fleet's output is open,
//! the worker receives nothing. That of a bucket with scenes holds up only the cells that need the
//! bucket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tilefleet_common::aws::delay_after;
use tilefleet_common::fault::shortened;
use tilefleet_common::ledger::OpenBreaker;
use tilefleet_common::tracker::rfc3339;
use tokio::sync::watch;
use tokio::time::Instant;

use super::blame::{Blame, Dependency, Trouble};

/// Bounds of the wait between two probes of one dependency.
const FIRST_PROBE: Duration = Duration::from_secs(2);
const MAX_PROBE: Duration = Duration::from_mins(1);
/// The least time that a cell waits in the queue whose bucket does not work, and what is added to it
/// at random.
const MIN_BUCKET_WAIT: Duration = Duration::from_mins(1);
const BUCKET_SPREAD: Duration = Duration::from_mins(14);
/// How long a breaker must stay closed to count as mended.
const MENDED_AFTER: Duration = Duration::from_mins(2);
/// How long the machine may be to blame before it asks to be replaced: a short fault of the instance
/// metadata passes.
const MACHINE_PATIENCE: Duration = Duration::from_mins(5);

#[derive(Debug)]
struct Open {
    blame: Blame,
    since: Timestamp,
    opened: Instant,
    failures: u32,
    next_probe: Instant,
    /// A cell was let through and has not failed yet.
    probing: bool,
    error: String,
}

/// The breakers of a worker.
#[derive(Debug)]
pub struct Breakers {
    open: Mutex<BTreeMap<Dependency, Open>>,
    /// Those that have closed, and when. One that opens again soon has not been mended: what is
    /// probed works, and what the cells need does not.
    closed: Mutex<BTreeMap<Dependency, (Instant, Open)>>,
    /// The last error, also after its breaker has closed.
    last_error: Mutex<Option<String>>,
    /// Counts the times that a breaker opened or closed.
    changes: watch::Sender<u64>,
}

impl Default for Breakers {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            closed: Mutex::default(),
            last_error: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Breakers {
    fn open(&self) -> MutexGuard<'_, BTreeMap<Dependency, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Option<String>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The last error that was not a cell's.
    pub fn last_error(&self) -> Option<String> {
        self.last().clone()
    }

    /// Whether this breaker is open.
    pub fn is_open(&self, dependency: &Dependency) -> bool {
        self.open().contains_key(dependency)
    }

    /// The breaker as it was, if it closed a moment ago.
    fn reopened(&self, dependency: &Dependency) -> Option<Open> {
        let mut all = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let (closed_at, open) = all.remove(dependency)?;
        (closed_at.elapsed() < shortened(MENDED_AFTER)).then(|| Open {
            next_probe: Instant::now(),
            probing: false,
            ..open
        })
    }

    /// How often the breaker has failed in a row.
    pub fn failures(&self, dependency: &Dependency) -> u32 {
        self.open().get(dependency).map_or(0, |open| open.failures)
    }

    /// Opens the breaker of what does not work, or keeps it open for longer. Returns whether that is
    /// news: cells that fail side by side are one failure.
    pub fn trip(&self, trouble: &Trouble) -> bool {
        let now = Instant::now();
        let mut open = self.open();
        let is_new = !open.contains_key(&trouble.dependency);
        let breaker = open.entry(trouble.dependency.clone()).or_insert_with(|| {
            self.reopened(&trouble.dependency).unwrap_or_else(|| Open {
                blame: trouble.blame,
                since: Timestamp::now(),
                opened: now,
                failures: 0,
                next_probe: now,
                probing: false,
                error: String::new(),
            })
        });
        let is_news = breaker.next_probe <= now || std::mem::take(&mut breaker.probing);
        if is_news {
            let wait = if trouble.dependency.is_of_all_cells() {
                delay_after(FIRST_PROBE, MAX_PROBE, breaker.failures)
            } else {
                bucket_wait(breaker.failures)
            };
            breaker.failures += 1;
            breaker.next_probe = now + shortened(wait);
        }
        breaker.blame = trouble.blame;
        breaker.error.clone_from(&trouble.message);
        drop(open);
        *self.last() = Some(trouble.message.clone());
        if is_new {
            tracing::error!(
                dependency = %trouble.dependency, blame = trouble.blame.name(), error = trouble.message,
                "a breaker opened"
            );
            self.changes.send_modify(|changes| *changes += 1);
        }
        is_news
    }

    /// What depends on `dependency` works again.
    pub fn close(&self, dependency: &Dependency) {
        let Some(closed) = self.open().remove(dependency) else {
            return;
        };
        let open_s = closed.opened.elapsed().as_secs();
        let mut all = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(dependency.clone(), (Instant::now(), closed));
        drop(all);
        tracing::info!(%dependency, open_s, "a breaker closed");
        self.changes.send_modify(|changes| *changes += 1);
    }

    /// Whether the worker is to receive nothing, because no cell can be processed.
    pub fn stop_receiving(&self) -> bool {
        self.open().keys().any(Dependency::is_of_all_cells)
    }

    /// The trouble of the first breaker for which the deployment is to blame.
    pub fn deployment_error(&self) -> Option<String> {
        let open = self.open();
        let mut wrong = open
            .iter()
            .filter(|(dependency, open)| {
                dependency.is_of_all_cells() && open.blame == Blame::Deployment
            })
            .map(|(_, open)| open.error.clone());
        wrong.next()
    }

    /// How long a cell that needs these buckets is to wait in the queue, if one of them does not
    /// work. Once the wait of a breaker is over, one cell is let through.
    pub fn wait_for_buckets<'a>(
        &self,
        buckets: impl IntoIterator<Item = &'a str>,
    ) -> Option<Duration> {
        let now = Instant::now();
        let mut open = self.open();
        let mut longest = None;
        // A bucket that has all bands of the cell lets it through once.
        let buckets: BTreeSet<&str> = buckets.into_iter().collect();
        for bucket in buckets {
            let Some(breaker) = open.get_mut(&Dependency::Bucket(bucket.to_owned())) else {
                continue;
            };
            let left = breaker.next_probe.saturating_duration_since(now);
            if left.is_zero() {
                // This cell is the probe. The others wait for what it finds.
                breaker.probing = true;
                breaker.next_probe = now + shortened(bucket_wait(breaker.failures));
            } else {
                longest = longest.max(Some(left.max(shortened(MIN_BUCKET_WAIT))));
            }
        }
        longest
    }

    /// The dependencies whose probe is due.
    pub(super) fn due(&self) -> Vec<(Dependency, Blame)> {
        let now = Instant::now();
        let open = self.open();
        let due = open
            .iter()
            .filter(|(dependency, open)| dependency.is_of_all_cells() && open.next_probe <= now);
        due.map(|(dependency, open)| (dependency.clone(), open.blame))
            .collect()
    }

    /// When the next probe is due, if a breaker is open that is probed.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        let open = self.open();
        let probed = open
            .iter()
            .filter(|(dependency, _)| dependency.is_of_all_cells());
        probed.map(|(_, open)| open.next_probe).min()
    }

    /// Whether the machine has been to blame for so long that another one should take its place.
    pub fn replace_machine(&self) -> bool {
        self.open().values().any(|open| {
            open.blame == Blame::Machine && open.opened.elapsed() >= shortened(MACHINE_PATIENCE)
        })
    }

    /// The breakers that are open.
    pub fn snapshot(&self) -> Vec<OpenBreaker> {
        let open = self.open();
        open.iter()
            .map(|(dependency, open)| OpenBreaker {
                dependency: dependency.to_string(),
                blame: open.blame.name().to_owned(),
                since: rfc3339(open.since),
                error: open.error.clone(),
            })
            .collect()
    }

    /// What does not work, by name.
    pub fn open_names(&self) -> Vec<String> {
        self.open().keys().map(ToString::to_string).collect()
    }

    /// Is told each time that a breaker opens or closes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// How long cells wait for a bucket that failed so often before.
pub(crate) fn bucket_wait(failures: u32) -> Duration {
    MIN_BUCKET_WAIT + delay_after(MIN_BUCKET_WAIT, BUCKET_SPREAD, failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BUCKET_WAIT: Duration = Duration::from_mins(15);

    fn trouble(dependency: Dependency, blame: Blame) -> Trouble {
        Trouble {
            blame,
            dependency,
            message: "no".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_with_one_bucket_holds_up_only_the_cells_that_need_it() {
        let breakers = Breakers::default();
        let scenes = Dependency::Bucket("scenes".to_owned());
        breakers.trip(&trouble(scenes.clone(), Blame::Service));
        assert!(!breakers.stop_receiving());
        assert_eq!(breakers.wait_for_buckets(["others"]), None);
        let wait = breakers.wait_for_buckets(["others", "scenes"]).unwrap();
        assert!((MIN_BUCKET_WAIT..=MAX_BUCKET_WAIT).contains(&wait));
        tokio::time::advance(MAX_BUCKET_WAIT).await;
        assert_eq!(
            breakers.wait_for_buckets(["scenes"]),
            None,
            "one cell tries"
        );
        assert!(
            breakers.wait_for_buckets(["scenes"]).is_some(),
            "and only one"
        );
        breakers.close(&scenes);
        assert_eq!(breakers.wait_for_buckets(["scenes"]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn cells_that_fail_side_by_side_are_one_failure() {
        let breakers = Breakers::default();
        let scenes = trouble(Dependency::Bucket("scenes".to_owned()), Blame::Deployment);
        assert!(breakers.trip(&scenes) && !breakers.trip(&scenes));
        tokio::time::advance(MAX_BUCKET_WAIT).await;
        assert_eq!(breakers.wait_for_buckets(["scenes"]), None);
        assert!(breakers.trip(&scenes) && !breakers.trip(&scenes));
    }

    #[tokio::test(start_paused = true)]
    async fn a_breaker_that_opens_again_soon_has_been_open_all_the_time() {
        let breakers = Breakers::default();
        let clock = trouble(Dependency::Machine, Blame::Machine);
        for _ in 0..4 {
            breakers.trip(&clock);
            breakers.close(&Dependency::Machine);
            tokio::time::advance(Duration::from_secs(90)).await;
        }
        assert!(!breakers.stop_receiving() && !breakers.replace_machine());
        breakers.trip(&clock);
        assert!(breakers.replace_machine());
        breakers.close(&Dependency::Machine);
        tokio::time::advance(MENDED_AFTER).await;
        breakers.trip(&clock);
        assert!(!breakers.replace_machine(), "it was mended");
    }

    #[tokio::test(start_paused = true)]
    async fn probes_of_a_dependency_are_at_most_a_minute_apart() {
        let breakers = Breakers::default();
        for _ in 0..20 {
            breakers.trip(&trouble(Dependency::Ledger, Blame::Service));
            assert!(breakers.stop_receiving());
            let next = breakers.next_probe().unwrap();
            assert!(next <= Instant::now() + MAX_PROBE);
            tokio::time::advance(MAX_PROBE).await;
            assert_eq!(breakers.due(), [(Dependency::Ledger, Blame::Service)]);
        }
        breakers.close(&Dependency::Ledger);
        assert!(!breakers.stop_receiving() && breakers.due().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_is_replaced_only_when_its_trouble_lasts() {
        let breakers = Breakers::default();
        breakers.trip(&trouble(Dependency::Ledger, Blame::Service));
        tokio::time::advance(MACHINE_PATIENCE).await;
        assert!(!breakers.replace_machine(), "the service's trouble");
        breakers.trip(&trouble(Dependency::Machine, Blame::Machine));
        assert!(!breakers.replace_machine());
        tokio::time::advance(MACHINE_PATIENCE).await;
        assert!(breakers.replace_machine());
    }
}
