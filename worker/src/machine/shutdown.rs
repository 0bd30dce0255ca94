//! Being told to stop, by a signal or by a notice of the machine's end, and what still fits into
//! the time that is left.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Cells whose durations are remembered. The slowest of them is the estimate for the next one.
const REMEMBERED: usize = 20;

/// The two stages of stopping: no new cells, then no cells at all.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Receive nothing more; hand back what is not being fused.
    pub stop: CancellationToken,
    /// Hand back everything.
    pub hurry: CancellationToken,
    /// A signal has come, so the process ends when nothing is held any more.
    pub signalled: CancellationToken,
    state: Arc<Mutex<State>>,
    paused: watch::Sender<Option<Instant>>,
}

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    /// Cells being fused or published: since when, and how to give each back.
    efforts: BTreeMap<u64, (Instant, CancellationToken)>,
    begun: u64,
    /// What the last cells took.
    durations: VecDeque<Duration>,
}

impl State {
    /// Whether a cell begun at `began` may be done by the deadline. One that nothing is known about
    /// may.
    fn fits(&self, began: Instant, now: Instant) -> bool {
        let (Some(deadline), Some(slowest)) = (self.deadline, self.durations.iter().max()) else {
            return true;
        };
        slowest.saturating_sub(now.saturating_duration_since(began))
            <= deadline.saturating_duration_since(now)
    }
}

impl Shutdown {
    /// Listens for SIGTERM and SIGINT: the first one stops, and hurries after `grace`; the second
    /// one hurries at once.
    ///
    /// # Errors
    /// The operating system's, if it has no such signals to give.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = shutdown.clone();
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                }
            };
            let first = next().await;
            tracing::info!(
                signal = first,
                grace_s = grace.as_secs(),
                "told to stop; receiving no more cells"
            );
            told.signalled.cancel();
            told.stop_by(Instant::now() + grace);
            let second = next().await;
            tracing::info!(
                signal = second,
                "told to stop again; handing everything back"
            );
            told.hurry.cancel();
        });
        Ok(shutdown)
    }

    /// Stops, and hurries at `deadline`. Cells that will not be done by then are handed back now.
    /// Of several deadlines the earliest counts.
    pub fn stop_by(&self, deadline: Instant) {
        let now = Instant::now();
        {
            let mut state = self.state();
            if state.deadline.is_some_and(|earlier| earlier <= deadline) {
                return;
            }
            state.deadline = Some(deadline);
            for (began, hurry) in state.efforts.values() {
                if !state.fits(*began, now) {
                    hurry.cancel();
                }
            }
        }
        self.stop.cancel();
        let hurry = self.hurry.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {
                    tracing::info!("the time to finish is up; handing back what is left");
                    hurry.cancel();
                }
                () = hurry.cancelled() => {}
            }
        });
    }

    /// Receive nothing until then; what is held goes on.
    pub fn pause_until(&self, until: Instant) {
        self.paused.send_replace(Some(until));
    }

    /// When receiving may go on, if it may not now.
    pub fn paused(&self) -> Option<Instant> {
        self.paused.borrow().filter(|until| *until > Instant::now())
    }

    /// Comes back when nothing more may be received.
    pub async fn must_not_receive(&self) {
        let mut paused = self.paused.subscribe();
        let waits = |until: &Option<Instant>| until.is_some_and(|until| until > Instant::now());
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = paused.wait_for(waits) => {}
        }
    }

    /// A cell begins to be fused, and to be published after that.
    pub fn begin(&self) -> Effort {
        let began = Instant::now();
        let mut state = self.state();
        let number = state.begun;
        state.begun += 1;
        let hurry = self.hurry.child_token();
        if !state.fits(began, began) {
            hurry.cancel();
        }
        state.efforts.insert(number, (began, hurry.clone()));
        drop(state);
        Effort {
            hurry,
            number,
            began,
            shutdown: self.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cell that is being fused or published. Dropping it ends that.
#[derive(Debug)]
pub struct Effort {
    /// Hand the cell back.
    pub hurry: CancellationToken,
    number: u64,
    began: Instant,
    shutdown: Shutdown,
}

impl Effort {
    /// The cell is done, and what it took is an estimate for the next.
    pub fn done(self) {
        let mut state = self.shutdown.state();
        state.durations.push_front(self.began.elapsed());
        state.durations.truncate(REMEMBERED);
    }
}

impl Drop for Effort {
    fn drop(&mut self) {
        self.shutdown.state().efforts.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// A shutdown that has seen a cell of a minute.
    async fn experienced() -> Shutdown {
        let shutdown = Shutdown::default();
        let first = shutdown.begin();
        tokio::time::sleep(MINUTE).await;
        first.done();
        shutdown
    }

    #[tokio::test(start_paused = true)]
    async fn only_cells_that_do_not_fit_the_time_left_are_handed_back_at_once() {
        let shutdown = experienced().await;
        let old = shutdown.begin();
        tokio::time::sleep(MINUTE / 2).await;
        let young = shutdown.begin();
        shutdown.stop_by(Instant::now() + MINUTE * 2 / 3);
        assert!(shutdown.stop.is_cancelled() && !shutdown.hurry.is_cancelled());
        assert!(!old.hurry.is_cancelled(), "half a minute is left of it");
        assert!(young.hurry.is_cancelled(), "it would take a minute");
        let late = shutdown.begin();
        assert!(late.hurry.is_cancelled());
        tokio::time::sleep(MINUTE).await;
        assert!(
            old.hurry.is_cancelled() && shutdown.hurry.is_cancelled(),
            "the time is up"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_knows_nothing_yet_tries_until_the_time_is_up() {
        let shutdown = Shutdown::default();
        let first = shutdown.begin();
        shutdown.stop_by(Instant::now() + MINUTE);
        assert!(!first.hurry.is_cancelled());
        tokio::time::sleep(MINUTE + Duration::from_secs(1)).await;
        assert!(first.hurry.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_of_several_deadlines_counts() {
        let shutdown = experienced().await;
        let cell = shutdown.begin();
        shutdown.stop_by(Instant::now() + 2 * MINUTE);
        shutdown.stop_by(Instant::now() + 3 * MINUTE);
        assert!(!cell.hurry.is_cancelled());
        shutdown.stop_by(Instant::now() + MINUTE / 2);
        assert!(cell.hurry.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_by_itself() {
        let shutdown = Shutdown::default();
        shutdown.pause_until(Instant::now() + MINUTE);
        shutdown.must_not_receive().await;
        assert!(shutdown.paused().is_some());
        tokio::time::sleep(MINUTE).await;
        assert!(shutdown.paused().is_none() && !shutdown.stop.is_cancelled());
    }
}
