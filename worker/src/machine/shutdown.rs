//! How the worker stops, on a signal or on a notice of the machine's end, and which cells still fit
//! into the time that is left.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Number of cells whose durations are kept. The slowest of them is the estimate for the next one.
const RECENT_CELLS: usize = 20;

/// The two stages of stopping: no new cells, then no cells at all.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Receive nothing more; hand back the cells that are not being fused.
    pub stop: CancellationToken,
    /// Hand back all cells.
    pub abort: CancellationToken,
    /// A signal has come: the process ends when it holds nothing any more.
    pub signalled: CancellationToken,
    state: Arc<Mutex<State>>,
    paused_until: watch::Sender<Option<Instant>>,
}

#[derive(Debug, Default)]
struct State {
    deadline: Option<Instant>,
    /// Cells being fused or published: when each began, and the token that aborts it.
    running: BTreeMap<u64, (Instant, CancellationToken)>,
    next_number: u64,
    /// Durations of the last cells, newest first.
    durations: VecDeque<Duration>,
}

impl State {
    /// Whether a cell begun at `began` is expected to end by the deadline. Without a deadline, or
    /// before the first cell has ended, every cell is.
    fn fits(&self, began: Instant, now: Instant) -> bool {
        let (Some(deadline), Some(slowest)) = (self.deadline, self.durations.iter().max()) else {
            return true;
        };
        slowest.saturating_sub(now.saturating_duration_since(began))
            <= deadline.saturating_duration_since(now)
    }
}

impl Shutdown {
    /// Listens for SIGTERM and SIGINT: the first one stops, and aborts after `grace`; the second
    /// one aborts at once.
    ///
    /// # Errors
    /// The operating system's, when it cannot deliver these signals.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let listener = shutdown.clone();
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
                "stopping; receiving no more cells"
            );
            listener.signalled.cancel();
            listener.stop_by(Instant::now() + grace);
            let second = next().await;
            tracing::info!(signal = second, "second signal; handing all cells back");
            listener.abort.cancel();
        });
        Ok(shutdown)
    }

    /// Stops now, and aborts at `deadline`. Cells that will not end by then are handed back now. Of
    /// several deadlines the earliest counts.
    pub fn stop_by(&self, deadline: Instant) {
        let now = Instant::now();
        {
            let mut state = self.state();
            if state.deadline.is_some_and(|earlier| earlier <= deadline) {
                return;
            }
            state.deadline = Some(deadline);
            for (began, abort) in state.running.values() {
                if !state.fits(*began, now) {
                    abort.cancel();
                }
            }
        }
        self.stop.cancel();
        let abort = self.abort.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {
                    tracing::info!("the time to finish is over; handing back the remaining cells");
                    abort.cancel();
                }
                () = abort.cancelled() => {}
            }
        });
    }

    /// Receives nothing until `until`; the cells that are held go on.
    pub fn pause_until(&self, until: Instant) {
        self.paused_until.send_replace(Some(until));
    }

    /// When the pause ends, if there is one now.
    pub fn paused_until(&self) -> Option<Instant> {
        self.paused_until
            .borrow()
            .filter(|until| *until > Instant::now())
    }

    /// Waits for a stop or a pause: from then on nothing is received.
    pub async fn stopped_or_paused(&self) {
        let mut paused_until = self.paused_until.subscribe();
        let is_ahead = |until: &Option<Instant>| until.is_some_and(|until| until > Instant::now());
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = paused_until.wait_for(is_ahead) => {}
        }
    }

    /// Registers a cell that begins to be fused, and will be published after that.
    pub fn start_cell(&self) -> RunningCell {
        let began = Instant::now();
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        let abort = self.abort.child_token();
        if !state.fits(began, began) {
            abort.cancel();
        }
        state.running.insert(number, (began, abort.clone()));
        drop(state);
        RunningCell {
            abort,
            number,
            began,
            shutdown: self.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cell that is being fused or published, until this is dropped.
#[derive(Debug)]
pub struct RunningCell {
    /// Hand the cell back.
    pub abort: CancellationToken,
    number: u64,
    began: Instant,
    shutdown: Shutdown,
}

impl RunningCell {
    /// The cell is published; its duration becomes an estimate for the next one.
    pub fn complete(self) {
        let mut state = self.shutdown.state();
        state.durations.push_front(self.began.elapsed());
        state.durations.truncate(RECENT_CELLS);
    }
}

impl Drop for RunningCell {
    fn drop(&mut self) {
        self.shutdown.state().running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// A shutdown after one cell, which took a minute.
    async fn with_estimate() -> Shutdown {
        let shutdown = Shutdown::default();
        let first = shutdown.start_cell();
        tokio::time::sleep(MINUTE).await;
        first.complete();
        shutdown
    }

    #[tokio::test(start_paused = true)]
    async fn only_cells_that_do_not_fit_the_time_left_are_handed_back_at_once() {
        let shutdown = with_estimate().await;
        let old = shutdown.start_cell();
        tokio::time::sleep(MINUTE / 2).await;
        let young = shutdown.start_cell();
        shutdown.stop_by(Instant::now() + MINUTE * 2 / 3);
        assert!(shutdown.stop.is_cancelled() && !shutdown.abort.is_cancelled());
        assert!(!old.abort.is_cancelled(), "half a minute is left of it");
        assert!(young.abort.is_cancelled(), "it would take a minute");
        let late = shutdown.start_cell();
        assert!(late.abort.is_cancelled());
        tokio::time::sleep(MINUTE).await;
        assert!(
            old.abort.is_cancelled() && shutdown.abort.is_cancelled(),
            "the time is up"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_estimate_a_cell_runs_until_the_deadline() {
        let shutdown = Shutdown::default();
        let first = shutdown.start_cell();
        shutdown.stop_by(Instant::now() + MINUTE);
        assert!(!first.abort.is_cancelled());
        tokio::time::sleep(MINUTE + Duration::from_secs(1)).await;
        assert!(first.abort.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_of_several_deadlines_counts() {
        let shutdown = with_estimate().await;
        let cell = shutdown.start_cell();
        shutdown.stop_by(Instant::now() + 2 * MINUTE);
        shutdown.stop_by(Instant::now() + 3 * MINUTE);
        assert!(!cell.abort.is_cancelled());
        shutdown.stop_by(Instant::now() + MINUTE / 2);
        assert!(cell.abort.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_by_itself() {
        let shutdown = Shutdown::default();
        shutdown.pause_until(Instant::now() + MINUTE);
        shutdown.stopped_or_paused().await;
        assert!(shutdown.paused_until().is_some());
        tokio::time::sleep(MINUTE).await;
        assert!(shutdown.paused_until().is_none() && !shutdown.stop.is_cancelled());
    }
}
