//! What the worker does with each message that it holds, and how long ago that made progress.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tilefleet_common::ledger::transition::Ticket;
use tokio::time::Instant;

/// After so long without progress, health file and log name the cell. A hundredth of a full-size
/// cell takes a second.
const STALLED_AFTER: Duration = Duration::from_mins(5);

/// What is done with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It waits for its turn: a slot, memory, or to be alone. Its progress is that of others.
    Waiting,
    /// Its bands are opened.
    Fetching,
    /// Its bands are fused.
    Fusing,
    /// Its artefacts become visible.
    Publishing,
    /// The ledger is read or written.
    Recording,
}

impl Phase {
    /// The phase as a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Fusing => "fusing",
            Self::Publishing => "publishing",
            Self::Recording => "recording",
        }
    }
}

/// A cell that has made no progress for long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalled {
    /// The task and the cell.
    pub cell: String,
    /// What is done with it.
    pub phase: Phase,
    /// Seconds since the last progress.
    pub seconds: u64,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    progressed: Instant,
    /// When the log last named it as stalled.
    warned: Option<Instant>,
}

/// What is done with one cell.
#[derive(Debug)]
pub struct Activity {
    cell: String,
    state: Mutex<State>,
}

impl Activity {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A phase begins.
    pub fn enter(&self, phase: Phase) {
        let mut state = self.state();
        state.phase = phase;
        state.progressed = Instant::now();
        state.warned = None;
    }

    /// The phase goes on.
    pub fn progress(&self) {
        let mut state = self.state();
        state.progressed = Instant::now();
        state.warned = None;
    }
}

/// The cells that the worker holds, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Activities(Arc<Mutex<Register>>);

#[derive(Debug, Default)]
struct Register {
    next: u64,
    held: BTreeMap<u64, Arc<Activity>>,
}

/// A cell is held for as long as this lives.
#[derive(Debug)]
pub struct Held {
    register: Activities,
    number: u64,
    activity: Arc<Activity>,
}

impl std::ops::Deref for Held {
    type Target = Arc<Activity>;

    fn deref(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.register.register().held.remove(&self.number);
    }
}

impl Activities {
    fn register(&self) -> MutexGuard<'_, Register> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of `ticket` is held from now on.
    pub fn begin(&self, ticket: &Ticket) -> Held {
        let activity = Arc::new(Activity {
            cell: format!("{} {}", ticket.task, ticket.cell),
            state: Mutex::new(State {
                phase: Phase::Recording,
                progressed: Instant::now(),
                warned: None,
            }),
        });
        let mut register = self.register();
        let number = register.next;
        register.next += 1;
        register.held.insert(number, Arc::clone(&activity));
        drop(register);
        Held {
            register: self.clone(),
            number,
            activity,
        }
    }

    /// How many cells are held.
    pub fn len(&self) -> usize {
        self.register().held.len()
    }

    /// Whether no cell is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cell that is held for longest, and what is done with it.
    pub fn oldest(&self) -> Option<(String, Phase)> {
        let register = self.register();
        let (_, oldest) = register.held.first_key_value()?;
        Some((oldest.cell.clone(), oldest.state().phase))
    }

    /// The cells that have made no progress for long. The log names each once in a while.
    pub fn stalled(&self) -> Vec<Stalled> {
        let held: Vec<_> = self.register().held.values().cloned().collect();
        let mut stalled = vec![];
        for activity in held {
            let mut state = activity.state();
            let idle = state.progressed.elapsed();
            if state.phase == Phase::Waiting || idle < STALLED_AFTER {
                continue;
            }
            let (cell, phase, seconds) = (activity.cell.clone(), state.phase, idle.as_secs());
            if state
                .warned
                .is_none_or(|warned| warned.elapsed() >= STALLED_AFTER)
            {
                state.warned = Some(Instant::now());
                tracing::warn!(cell, ?phase, seconds, "the cell makes no progress");
            }
            stalled.push(Stalled {
                cell,
                phase,
                seconds,
            });
        }
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tilefleet_common::domain::JobId;

    fn ticket() -> Ticket {
        Ticket {
            task: "t".parse().unwrap(),
            shard: 0,
            group: 0,
            ordinal: 0,
            cell: "48RXT/2020-08-01/0".parse().unwrap(),
            job: JobId::Probe,
            reopened: 0,
            expires_at: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cell_without_progress_is_named_and_one_that_waits_its_turn_is_not() {
        let activities = Activities::default();
        let (waiting, fusing) = (activities.begin(&ticket()), activities.begin(&ticket()));
        waiting.enter(Phase::Waiting);
        fusing.enter(Phase::Fusing);
        tokio::time::advance(Duration::from_secs(299)).await;
        fusing.progress();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(activities.stalled(), []);
        tokio::time::advance(STALLED_AFTER).await;
        let stalled = activities.stalled();
        assert_eq!(stalled.len(), 1);
        assert_eq!((stalled[0].phase, stalled[0].seconds), (Phase::Fusing, 301));
        drop(fusing);
        assert_eq!(activities.stalled(), []);
        assert_eq!(
            activities.oldest(),
            Some(("t 48RXT/2020-08-01/0".to_owned(), Phase::Waiting))
        );
    }
}
