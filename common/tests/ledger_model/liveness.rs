//! From every state the fleet can come to a good end by itself.
//!
//! "By itself": without a mishap that happens to help, and whichever way the work on cells ends.
//! Stateright checks no property of this form (AG EF), so every state is numbered, every edge kept,
//! and the good ends searched backwards.

#![expect(
    clippy::unwrap_used,
    reason = "more states than numbers end the test, as they should"
)]

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use stateright::Model as _;

use crate::event::Event;
use crate::fleet::Fleet;
use crate::state::State;

/// Edges that a way to the good end may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    WorkOk,
    WorkFailed,
    Mishap,
}

fn kind(event: Event) -> Kind {
    match event {
        Event::WorkOk(_) => Kind::WorkOk,
        Event::WorkFailed(_) => Kind::WorkFailed,
        // A notice's lease that runs out is only time passing.
        Event::PublishFailed(_)
        | Event::AnswerLost(_)
        | Event::DeleteInVain(_)
        | Event::Crash(_)
        | Event::Expire(_)
        | Event::SubmitCrashes
        | Event::RetryAsked
        | Event::RepairAsked
        | Event::RetryCrashes
        | Event::Cancel
        | Event::ResumeAsked
        | Event::ResumeCrashes
        | Event::GroupLost => Kind::Mishap,
        _ => Kind::Ordinary,
    }
}

/// All states that can be reached, numbered in the order of their distance from the first.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// From where, and by what, each state is reached first.
    origins: Vec<(u32, Event)>,
    edges: Vec<(u32, u32, Kind)>,
    good: Vec<u32>,
}

impl Graph {
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let mut graph = Self::default();
        // States by their hash, as stateright does it: with a few million of them the chance that
        // two share one is less than one in a million.
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        let mut open: VecDeque<(u32, State)> = VecDeque::new();
        for state in fleet.init_states() {
            let number = graph.add(fleet, &state, (0, Event::Submit));
            numbers.insert(hash(&state), number);
            open.push_back((number, state));
        }
        let mut events = vec![];
        while let Some((from, state)) = open.pop_front() {
            fleet.actions(&state, &mut events);
            for event in events.drain(..) {
                let Some(next) = fleet.next_state(&state, event) else {
                    continue;
                };
                let to = *numbers.entry(hash(&next)).or_insert_with(|| {
                    let number = graph.add(fleet, &next, (from, event));
                    open.push_back((number, next));
                    number
                });
                graph.edges.push((from, to, kind(event)));
            }
        }
        graph.edges.sort_unstable_by_key(|&(_, to, _)| to);
        graph
    }

    fn add(&mut self, fleet: &Fleet, state: &State, origin: (u32, Event)) -> u32 {
        let number = u32::try_from(self.origins.len()).unwrap();
        self.origins.push(origin);
        if fleet.is_at_rest(state) {
            self.good.push(number);
        }
        number
    }

    /// The events that lead soonest to a state from which the fleet does not come to a good end by
    /// itself, whichever way the work on cells ends.
    pub(crate) fn way_to_a_stuck_state(&self) -> Option<Vec<Event>> {
        let stuck = |ending: Kind| self.stuck(&[Kind::Ordinary, ending]);
        let first = stuck(Kind::WorkOk)
            .into_iter()
            .chain(stuck(Kind::WorkFailed))
            .min()?;
        Some(self.way_to(first))
    }

    /// The events that lead soonest to a state from which not even a helpful end of the work leads
    /// to a good one.
    pub(crate) fn way_to_a_lost_state(&self) -> Option<Vec<Event>> {
        self.stuck(&[Kind::Ordinary, Kind::WorkOk, Kind::WorkFailed])
            .map(|first| self.way_to(first))
    }

    fn stuck(&self, kinds: &[Kind]) -> Option<usize> {
        self.reach_a_good_end(kinds).iter().position(|&good| !good)
    }

    /// For each state, whether edges of these kinds lead from it to a good end.
    fn reach_a_good_end(&self, kinds: &[Kind]) -> Vec<bool> {
        let mut saved = vec![false; self.origins.len()];
        let mut open = self.good.clone();
        for &good in &open {
            saved[good as usize] = true;
        }
        while let Some(state) = open.pop() {
            let start = self.edges.partition_point(|&(_, to, _)| to < state);
            for &(from, _, kind) in self.edges[start..]
                .iter()
                .take_while(|&&(_, to, _)| to == state)
            {
                if kinds.contains(&kind) && !std::mem::replace(&mut saved[from as usize], true) {
                    open.push(from);
                }
            }
        }
        saved
    }

    fn way_to(&self, mut state: usize) -> Vec<Event> {
        let mut way = vec![];
        while state != 0 {
            let (from, event) = self.origins[state];
            way.push(event);
            state = from as usize;
        }
        way.reverse();
        way
    }
}

fn hash(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
