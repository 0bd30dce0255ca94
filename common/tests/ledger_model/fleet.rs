//! The fleet as a state machine: one task of two cells, its producer, its operator, two workers,
//! and what may befall them.
#![expect(
    clippy::unwrap_used,
    reason = "a poisoned lock or an unreadable name ends the test, as it should"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use stateright::{Model, Property};
use tilefleet_common::domain::{Job, Recipe, Scope, group_of, shard_of};
use tilefleet_common::ledger::flow::{Operation, Step};
use tilefleet_common::ledger::transition::{NewTask, Ticket};
use tilefleet_common::ledger::{Key, TaskState};

use crate::commands::{self, Resume, Retry, Submit, World};
use crate::event::{Budget, Event};
use crate::flaw::Flaw;
use crate::property;
use crate::queue::Queue;
use crate::state::{History, State, WORKERS, Worker};
use crate::table::{Cells, Items, Pool, Table};

const CELLS: u8 = 2;

/// How the cells are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Cells per shard.
    pub(crate) shard_size: u32,
    /// Shards per group.
    pub(crate) group_size: u32,
}

/// The machine, with what all its states share.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    pub(crate) budget: Budget,
    pub(crate) flaw: Option<Flaw>,
    /// Cells that end well without a raster, because the task's area does not touch them.
    pub(crate) outside: Cells,
    new: Arc<NewTask>,
    recipe: &'static Recipe,
    pub(crate) tickets: [Ticket; CELLS as usize],
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    table: Table,
    pub(crate) steps: Pool<Step>,
    /// What each step does to the items and which one follows: the same few thousand come again in
    /// millions of states.
    pub(crate) carried_out: Mutex<HashMap<Doing, (Items, u16)>>,
}

/// These items, a cell's ordinal, a step by its number, and the end of the next lease of the
/// notice.
type Doing = (Items, u8, u16, i64);

impl Fleet {
    pub(crate) fn new(shape: Shape, budget: Budget) -> Self {
        let Shape {
            shard_size,
            group_size,
        } = shape;
        let recipe = Recipe::builtin("rgb").unwrap();
        let new = NewTask {
            task: "rgb-0123456789abcdef".parse().unwrap(),
            cells: CELLS.into(),
            shard_size,
            group_size,
            manifest: "s3://out/manifest.ndjson".parse().unwrap(),
            job: Job::Raster(recipe.clone()).id(),
            scope: Scope::default(),
            output: "s3://out/".parse().unwrap(),
            region: None,
            digest: "0123456789abcdef".to_owned(),
            message_key: "0".repeat(32).parse().unwrap(),
            max_failed: None,
            created_at: "now".to_owned(),
            submitter_until: 0,
            expires_at: 1_800_000_000,
        };
        let ticket = |ordinal: u32| Ticket {
            task: new.task.clone(),
            shard: shard_of(ordinal, shard_size),
            group: group_of(shard_of(ordinal, shard_size), group_size),
            ordinal,
            cell: format!("48RXT/2020-08-01/{ordinal}").parse().unwrap(),
            job: new.job.clone(),
            reopened: 0,
            expires_at: Some(1_800_000_000),
        };
        let tickets = [ticket(0), ticket(1)];
        Self {
            budget,
            flaw: None,
            outside: 0,
            new: Arc::new(new),
            recipe,
            tickets,
            shared: Arc::default(),
        }
    }

    /// The fleet whose task is stopped when so many cells have failed.
    pub(crate) fn with_limit(mut self, max_failed: u32) -> Self {
        Arc::make_mut(&mut self.new).max_failed = Some(max_failed);
        self
    }

    /// The fleet whose area does not touch these cells.
    pub(crate) fn with_outside(mut self, cells: Cells) -> Self {
        self.outside = cells;
        self
    }

    pub(crate) fn with(self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            shared: Arc::default(),
            ..self
        }
    }

    /// Whether an operator may run repairs; if not, retries.
    pub(crate) fn has_repairs(&self) -> bool {
        self.budget.repairs > 0
    }

    pub(crate) fn new_task(&self) -> &NewTask {
        &self.new
    }

    pub(crate) fn table(&self) -> &Table {
        &self.shared.table
    }

    /// Whether all has come to a good end: the task is complete and its notice is out, or it is
    /// cancelled, and nobody has anything to do. That an operator's cancel is told is up to the
    /// operator's command, which dies in this model behind its first step.
    pub(crate) fn is_at_rest(&self, state: &State) -> bool {
        let told = self
            .table()
            .view(&state.items)
            .task
            .is_some_and(|task| match task.state {
                TaskState::Complete => task.notified_epoch == task.epoch,
                TaskState::Cancelled => !task.stopped || !task.owes_notice(),
                TaskState::Running => false,
            });
        told && state.is_idle()
    }

    pub(crate) fn has_pending_cells(&self, state: &State) -> bool {
        self.table()
            .view(&state.items)
            .shards
            .into_iter()
            .flatten()
            .any(|shard| shard.pending != 0)
    }

    /// `log` gets what the command does to the ledger.
    fn command_event(&self, state: &mut State, event: Event, log: Option<&mut Vec<Operation>>) {
        let mut world = World {
            table: self.table(),
            new: &self.new,
            recipe: self.recipe,
            flaw: self.flaw,
            items: &mut state.items,
            queue: &mut state.queue,
            log,
        };
        match event {
            Event::Submit => state.submit = state.submit.call(&mut world),
            Event::SubmitCrashes => {
                state.budget.submit_crashes -= 1;
                state.submit = Submit::ReadTask;
            }
            Event::RetryAsked => {
                state.budget.retries -= 1;
                state.retry = Retry::ReadTask(0);
            }
            Event::RepairAsked => {
                state.budget.repairs -= 1;
                state.retry = Retry::Unmark(0);
            }
            Event::Retry => state.retry = state.retry.call(&mut world),
            Event::RetryCrashes => {
                state.budget.retry_crashes -= 1;
                state.retry = if self.has_repairs() {
                    Retry::Unmark(0)
                } else {
                    Retry::ReadTask(0)
                };
            }
            Event::Cancel => {
                state.budget.cancels -= 1;
                commands::cancel(&mut world);
            }
            Event::ResumeAsked => {
                state.budget.resumes -= 1;
                state.resume = Resume::ReadTask;
            }
            Event::Resume => state.resume = state.resume.call(&mut world),
            Event::ResumeCrashes => {
                state.budget.resume_crashes -= 1;
                state.resume = Resume::ReadTask;
            }
            Event::GroupLost => {
                state.budget.lost_groups -= 1;
                Table::lose(&mut state.items, &Key::Group(self.new.task.clone(), 0));
            }
            _ => {}
        }
    }

    /// What the operator may do, and what may befall that.
    fn operator_events(&self, state: &State, events: &mut Vec<Event>) {
        let Some(task) = self.table().view(&state.items).task else {
            return;
        };
        match state.retry {
            Retry::Unasked | Retry::Done if state.budget.retries > 0 => {
                events.push(Event::RetryAsked);
            }
            Retry::Unasked | Retry::Done if state.budget.repairs > 0 => {
                events.push(Event::RepairAsked);
            }
            Retry::Unasked | Retry::Done => {}
            _ => {
                events.push(Event::Retry);
                if state.budget.retry_crashes > 0 && state.retry != Retry::ReadTask(0) {
                    events.push(Event::RetryCrashes);
                }
            }
        }
        if state.budget.cancels > 0 && task.state == TaskState::Running {
            events.push(Event::Cancel);
        }
        // A search with a cancellation is about resuming from that; others are about resuming a
        // running task.
        let may_resume = self.budget.cancels == 0 || task.state == TaskState::Cancelled;
        match state.resume {
            Resume::Unasked | Resume::Done if state.budget.resumes > 0 && may_resume => {
                events.push(Event::ResumeAsked);
            }
            Resume::Unasked | Resume::Done => {}
            _ => {
                events.push(Event::Resume);
                if state.budget.resume_crashes > 0 && state.resume != Resume::ReadTask {
                    events.push(Event::ResumeCrashes);
                }
            }
        }
    }

    /// The state before `submit`.
    pub(crate) fn first_state(&self) -> State {
        State {
            workers: [Worker::Idle; 2],
            queue: Queue::default(),
            items: Items::default(),
            submit: Submit::ReadTask,
            retry: Retry::Unasked,
            resume: Resume::Unasked,
            budget: self.budget,
            history: History::default(),
        }
    }

    /// All that may happen, to the first so many workers among others.
    pub(crate) fn events(&self, state: &State, workers: u8, events: &mut Vec<Event>) {
        if state.submit != Submit::Done {
            events.push(Event::Submit);
            if state.budget.submit_crashes > 0 && state.submit != Submit::ReadTask {
                events.push(Event::SubmitCrashes);
            }
        }
        let task = self.table().view(&state.items).task;
        self.operator_events(state, events);
        // Once the notice is out, nobody claims it any more until a retry removes the claim.
        if task.is_some_and(|task| task.notice_held && task.owes_notice()) {
            events.push(Event::LeaseLapses);
        }
        if state.budget.lost_groups > 0 && self.table().view(&state.items).groups[0].is_some() {
            events.push(Event::GroupLost);
        }
        for worker in 0..workers {
            self.worker_events(state, worker, events);
        }
    }

    /// The state after `event`. `log` gets what a command does to the ledger.
    pub(crate) fn after(
        &self,
        last: &State,
        event: Event,
        log: Option<&mut Vec<Operation>>,
    ) -> State {
        let mut state = last.clone();
        match event {
            Event::Submit
            | Event::SubmitCrashes
            | Event::RetryAsked
            | Event::RepairAsked
            | Event::Retry
            | Event::RetryCrashes
            | Event::Cancel
            | Event::ResumeAsked
            | Event::Resume
            | Event::ResumeCrashes
            | Event::GroupLost => self.command_event(&mut state, event, log),
            Event::LeaseLapses => {
                for worker in 0..WORKERS {
                    self.disturb(&mut state, worker, false);
                }
                self.table().lapse(&mut state.items, &self.new.task);
            }
            _ => self.worker_event(&mut state, event),
        }
        self.remember(&mut state);
        state
    }

    fn remember(&self, state: &mut State) {
        let view = self.table().view(&state.items);
        state.history.ok |= view.ok_cells;
        let open: Cells = view
            .shards
            .iter()
            .flatten()
            .map(|shard| shard.pending | shard.failed)
            .sum();
        state.history.done |= view.ok_cells & !open;
        if let Some(task) = view.task.filter(|task| task.state == TaskState::Complete) {
            state.history.completed |= 1 << task.epoch;
        }
    }
}

impl Model for Fleet {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![self.first_state()]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        // Two idle workers are alike.
        let workers = if state.workers == [Worker::Idle; 2] {
            1
        } else {
            WORKERS
        };
        self.events(state, workers, events);
    }

    fn next_state(&self, last: &State, event: Event) -> Option<State> {
        let state = self.after(last, event, None);
        // Workers have no names, so of two states that differ in names only one is kept.
        let mirrored = State {
            workers: [state.workers[1], state.workers[0]],
            queue: state.queue.mirrored(),
            ..state.clone()
        };
        Some(state.min(mirrored))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        property::all(self.budget, self.new.max_failed.is_some())
    }
}
