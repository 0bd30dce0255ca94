//! The fleet as a state machine: one task of two cells, its producer, its operator, two workers, and what may befall
//! them.
#![expect(clippy::unwrap_used, reason = "a poisoned lock or an unreadable name ends the test, as it should")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use stateright::{Model, Property};
use tilefleet_common::domain::{Recipe, shard_of};
use tilefleet_common::ledger::TaskState;
use tilefleet_common::ledger::flow::{Asker, Outcome, Step};
use tilefleet_common::ledger::transition::{Failure, NewTask, Success, Ticket};

use crate::commands::{Desk, Retry, Submit};
use crate::flaw::Flaw;
use crate::property;
use crate::queue::{Queue, Receipt};
use crate::table::{Cells, Items, Pool, Table};

const CELLS: u8 = 2;
const WORKERS: u8 = 2;

/// How often each mishap may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Budget {
    /// A worker dies; another takes its place.
    pub(crate) crashes: u8,
    /// A message becomes visible while its holder goes on.
    pub(crate) expiries: u8,
    /// `submit` dies; the same command is run again.
    pub(crate) submit_crashes: u8,
    /// Somebody asks for a retry.
    pub(crate) retries: u8,
    /// `retry` dies; the same command is run again.
    pub(crate) retry_crashes: u8,
    /// A worker's call has its effect, but the worker does not hear of it and makes it again.
    pub(crate) lost_answers: u8,
    /// The notice cannot be sent.
    pub(crate) failed_notices: u8,
}

/// What has happened, where the ledger does not remember it. Epochs and ordinals are bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct History {
    /// Cells whose row said ok.
    pub(crate) ok: Cells,
    /// Epochs in which the task was complete.
    pub(crate) completed: u8,
    /// Epochs whose notice went out.
    pub(crate) published: u8,
    /// Epochs whose notice went out more than once.
    pub(crate) repeated: u8,
    /// Epochs whose notice was out unmarked when its sender died, or not settled when the sender's lease ran out.
    pub(crate) disturbed: u8,
    /// A success may be left half told: one who held no message died between row and shard, or a message was deleted
    /// by one who held it no longer.
    pub(crate) untold: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Worker {
    Idle,
    /// At this step, by number, with a message for this ordinal.
    Busy {
        ordinal: u8,
        step: u16,
    },
}

/// Everything there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct State {
    workers: [Worker; WORKERS as usize],
    pub(crate) queue: Queue,
    pub(crate) items: Items,
    pub(crate) submit: Submit,
    pub(crate) retry: Retry,
    budget: Budget,
    pub(crate) history: History,
}

impl State {
    /// Whether no message is left and no command runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.workers == [Worker::Idle; 2]
            && self.submit == Submit::Done
            && matches!(self.retry, Retry::Unasked | Retry::Done)
    }
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Receive {
        worker: u8,
        place: u8,
    },
    /// A step of the ledger, or the announcement of a failed cell.
    Proceed(u8),
    WorkOk(u8),
    WorkFailed(u8),
    Publish(u8),
    PublishFailed(u8),
    /// A publish, or a step of the ledger, whose answer is lost.
    AnswerLost(u8),
    Delete(u8),
    DeleteInVain(u8),
    Defer(u8),
    Crash(u8),
    Expire(u8),
    LeaseLapses,
    Submit,
    SubmitCrashes,
    RetryAsked,
    Retry,
    RetryCrashes,
}

/// The machine, with what all its states share.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    budget: Budget,
    flaw: Option<Flaw>,
    new: Arc<NewTask>,
    tickets: [Ticket; CELLS as usize],
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    table: Table,
    steps: Pool<Step>,
    /// What each step does to the items and which one follows: the same few thousand come again in millions of states.
    carried_out: Mutex<HashMap<Doing, (Items, u16)>>,
}

/// These items, a cell's ordinal, and a step by its number.
type Doing = (Items, u8, u16);

impl Fleet {
    pub(crate) fn new(shard_size: u32, budget: Budget) -> Self {
        let new = NewTask {
            task: "rgb-0123456789abcdef".parse().unwrap(),
            cells: CELLS.into(),
            shard_size,
            manifest: "s3://out/manifest.ndjson".parse().unwrap(),
            recipe: Recipe::Rgb,
            output: "s3://out/".parse().unwrap(),
            region: None,
            digest: "0123456789abcdef".to_owned(),
            created_at: "now".to_owned(),
        };
        let ticket = |ordinal: u32| Ticket {
            task: new.task.clone(),
            shard: shard_of(ordinal, shard_size),
            ordinal,
            cell: format!("48RXT/2020-08-01/{ordinal}").parse().unwrap(),
        };
        let tickets = [ticket(0), ticket(1)];
        Self { budget, flaw: None, new: Arc::new(new), tickets, shared: Arc::default() }
    }

    pub(crate) fn with(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), shared: Arc::default(), ..self }
    }

    pub(crate) fn new_task(&self) -> &NewTask {
        &self.new
    }

    pub(crate) fn table(&self) -> &Table {
        &self.shared.table
    }

    /// Whether all has come to a good end: the task is complete, its notice is out, and nobody has anything to do.
    pub(crate) fn is_at_rest(&self, state: &State) -> bool {
        let told = self
            .table()
            .view(&state.items)
            .task
            .is_some_and(|task| task.state == TaskState::Complete && task.notified_epoch == task.epoch);
        told && state.is_idle()
    }

    pub(crate) fn has_pending_cells(&self, state: &State) -> bool {
        self.table().view(&state.items).shards.into_iter().flatten().any(|shard| shard.pending != 0)
    }

    /// What the worker is about to do, and for which cell.
    pub(crate) fn step(&self, state: &State, worker: u8) -> Option<(u8, Arc<Step>)> {
        match state.workers[usize::from(worker)] {
            Worker::Idle => None,
            Worker::Busy { ordinal, step } => Some((ordinal, self.shared.steps.value(step))),
        }
    }

    fn go_to(&self, state: &mut State, worker: u8, next: Step) {
        if let Worker::Busy { step, .. } = &mut state.workers[usize::from(worker)] {
            *step = self.shared.steps.number(next);
        }
    }

    /// What the worker may do next, and what may befall it.
    fn worker_events(&self, state: &State, worker: u8, events: &mut Vec<Event>) {
        let Some((_, step)) = self.step(state, worker) else {
            events.extend(state.queue.visible().map(|place| Event::Receive { worker, place }));
            return;
        };
        match *step {
            Step::Work => events.extend([Event::WorkOk(worker), Event::WorkFailed(worker)]),
            Step::Publish(_) => {
                events.push(Event::Publish(worker));
                if state.budget.failed_notices > 0 {
                    events.push(Event::PublishFailed(worker));
                }
            }
            Step::Delete => {
                events.push(Event::Delete(worker));
                if state.queue.receipt(worker) == Receipt::Stale {
                    events.push(Event::DeleteInVain(worker));
                }
            }
            Step::Defer(_) => events.push(Event::Defer(worker)),
            _ => events.push(Event::Proceed(worker)),
        }
        if state.budget.lost_answers > 0
            && !matches!(*step, Step::Work | Step::Announce(_) | Step::Delete | Step::Defer(_))
        {
            events.push(Event::AnswerLost(worker));
        }
        if state.budget.crashes > 0 {
            events.push(Event::Crash(worker));
        }
        if state.budget.expiries > 0 && state.queue.receipt(worker) == Receipt::Current {
            events.push(Event::Expire(worker));
        }
    }

    /// Carries out the worker's step; it hears the answer unless that is lost.
    fn carry_out(&self, state: &mut State, worker: u8, heard: bool) {
        let Worker::Busy { ordinal, step } = state.workers[usize::from(worker)] else { return };
        let known = self.shared.carried_out.lock().unwrap().get(&(state.items, ordinal, step)).copied();
        let (items, next) = known.unwrap_or_else(|| {
            let mut items = state.items;
            let next = self.answer_and_next(&mut items, ordinal, &self.shared.steps.value(step));
            let carried_out = (items, self.shared.steps.number(next));
            self.shared.carried_out.lock().unwrap().insert((state.items, ordinal, step), carried_out);
            carried_out
        });
        state.items = items;
        if heard {
            state.workers[usize::from(worker)] = Worker::Busy { ordinal, step: next };
        }
    }

    fn answer_and_next(&self, items: &mut Items, ordinal: u8, step: &Step) -> Step {
        if matches!(step, Step::Announce(_)) {
            return Step::CloseFailed;
        }
        let asker = Asker { worker: "w", now: "now", second: 0, notice_lease_s: 60 };
        let ticket = &self.tickets[usize::from(ordinal)];
        let operation = step.operation(ticket, &asker).unwrap();
        let operation = Flaw::operation(self.flaw, step, operation);
        let answer = self.table().execute(items, &operation);
        Flaw::next(self.flaw, step.clone(), ticket, &answer)
    }

    fn publish(state: &mut State, epoch: u32) {
        let epoch = 1 << epoch;
        state.history.repeated |= state.history.published & epoch;
        state.history.published |= epoch;
    }

    /// The worker's lease is over while it goes on: its notice may go out beside another, and what it gives back is
    /// another's lease. If the worker is dead instead, only a notice that is out already can be followed by another.
    fn disturb(&self, state: &mut State, worker: u8, dead: bool) {
        match self.step(state, worker).as_ref().map(|(_, step)| &**step) {
            Some(Step::MarkNotified(epoch)) => state.history.disturbed |= 1 << epoch,
            Some(Step::Publish(epoch) | Step::ReleaseNotice(epoch, _)) if !dead => {
                state.history.disturbed |= 1 << epoch;
            }
            _ => {}
        }
    }

    fn worker_event(&self, state: &mut State, event: Event) {
        match event {
            Event::Receive { worker, place } => {
                let ordinal = state.queue.ordinal(place).unwrap();
                state.queue.receive(place, worker);
                let step = self.shared.steps.number(Step::ReadTask);
                state.workers[usize::from(worker)] = Worker::Busy { ordinal, step };
            }
            Event::Proceed(worker) => self.carry_out(state, worker, true),
            Event::WorkOk(worker) => self.go_to(state, worker, Step::Record(Outcome::Ok(success()))),
            Event::WorkFailed(worker) => self.go_to(state, worker, Step::Record(Outcome::Failed(failure()))),
            Event::Publish(worker) | Event::PublishFailed(worker) => {
                let Some((_, step)) = self.step(state, worker) else { return };
                let Step::Publish(epoch) = *step else { return };
                if event == Event::Publish(worker) {
                    Self::publish(state, epoch);
                    self.go_to(state, worker, Step::MarkNotified(epoch));
                } else {
                    state.budget.failed_notices -= 1;
                    self.go_to(state, worker, Step::ReleaseNotice(epoch, "unreachable".to_owned()));
                }
            }
            Event::AnswerLost(worker) => {
                state.budget.lost_answers -= 1;
                if let Some(Step::Publish(epoch)) = self.step(state, worker).map(|(_, step)| (*step).clone())
                {
                    Self::publish(state, epoch);
                    state.history.disturbed |= 1 << epoch;
                    self.go_to(state, worker, Step::ReleaseNotice(epoch, "no answer".to_owned()));
                } else {
                    // A lease that is given back twice may be another's the second time.
                    self.disturb(state, worker, false);
                    self.carry_out(state, worker, false);
                }
            }
            Event::Delete(worker) => {
                state.history.untold |= state.queue.receipt(worker) == Receipt::Stale;
                state.queue.delete(worker);
                state.workers[usize::from(worker)] = Worker::Idle;
            }
            Event::DeleteInVain(worker) | Event::Defer(worker) => {
                state.queue.release(worker);
                state.workers[usize::from(worker)] = Worker::Idle;
            }
            Event::Crash(worker) => {
                state.budget.crashes -= 1;
                state.history.untold |=
                    self.step(state, worker).is_some_and(|(_, step)| *step == Step::CloseOk)
                        && state.queue.receipt(worker) != Receipt::Current;
                self.disturb(state, worker, true);
                state.queue.release(worker);
                state.workers[usize::from(worker)] = Worker::Idle;
            }
            Event::Expire(worker) => {
                state.budget.expiries -= 1;
                state.queue.expire(worker);
            }
            _ => {}
        }
    }

    fn command_event(&self, state: &mut State, event: Event) {
        let mut desk = Desk {
            table: self.table(),
            new: &self.new,
            flaw: self.flaw,
            items: &mut state.items,
            queue: &mut state.queue,
        };
        match event {
            Event::Submit => state.submit = state.submit.call(&mut desk),
            Event::SubmitCrashes => {
                state.budget.submit_crashes -= 1;
                state.submit = Submit::CreateTask;
            }
            Event::RetryAsked => {
                state.budget.retries -= 1;
                state.retry = Retry::ReadTask(0);
            }
            Event::Retry => state.retry = state.retry.call(&mut desk),
            Event::RetryCrashes => {
                state.budget.retry_crashes -= 1;
                state.retry = Retry::ReadTask(0);
            }
            _ => {}
        }
    }

    fn remember(&self, state: &mut State) {
        let view = self.table().view(&state.items);
        state.history.ok |= view.ok_rows;
        if let Some(task) = view.task.filter(|task| task.state == TaskState::Complete) {
            state.history.completed |= 1 << task.epoch;
        }
    }
}

impl Model for Fleet {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            workers: [Worker::Idle; 2],
            queue: Queue::default(),
            items: Items::default(),
            submit: Submit::CreateTask,
            retry: Retry::Unasked,
            budget: self.budget,
            history: History::default(),
        }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.submit != Submit::Done {
            events.push(Event::Submit);
            if state.budget.submit_crashes > 0 && state.submit != Submit::CreateTask {
                events.push(Event::SubmitCrashes);
            }
        }
        let task = self.table().view(&state.items).task;
        match state.retry {
            Retry::Unasked | Retry::Done if task.is_some() && state.budget.retries > 0 => {
                events.push(Event::RetryAsked);
            }
            Retry::Unasked | Retry::Done => {}
            _ => {
                events.push(Event::Retry);
                if state.budget.retry_crashes > 0 && state.retry != Retry::ReadTask(0) {
                    events.push(Event::RetryCrashes);
                }
            }
        }
        // Once the notice is out, nobody asks for the lease any more until a retry removes it.
        if task.is_some_and(|task| task.notice_held && task.notified_epoch < task.epoch) {
            events.push(Event::LeaseLapses);
        }
        // Two idle workers are alike.
        let workers = if state.workers == [Worker::Idle; 2] { 1 } else { WORKERS };
        for worker in 0..workers {
            self.worker_events(state, worker, events);
        }
    }

    fn next_state(&self, last: &State, event: Event) -> Option<State> {
        let mut state = last.clone();
        match event {
            Event::Submit | Event::SubmitCrashes | Event::RetryAsked | Event::Retry | Event::RetryCrashes => {
                self.command_event(&mut state, event);
            }
            Event::LeaseLapses => {
                for worker in 0..WORKERS {
                    self.disturb(&mut state, worker, false);
                }
                self.table().lapse(&mut state.items, &self.new.task);
            }
            _ => self.worker_event(&mut state, event),
        }
        self.remember(&mut state);
        // Workers have no names, so of two states that differ in names only one is kept.
        let mirrored = State {
            workers: [state.workers[1], state.workers[0]],
            queue: state.queue.mirrored(),
            ..state.clone()
        };
        Some(state.min(mirrored))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        property::all(self.budget)
    }
}

fn success() -> Success {
    Success {
        output: "s3://out/cell.tif".parse().unwrap(),
        etag: "etag".to_owned(),
        bytes: 1,
        fetch_ms: 1,
        fuse_ms: 1,
        publish_ms: 1,
    }
}

fn failure() -> Failure {
    Failure { code: "damaged".to_owned(), message: "damaged".to_owned() }
}
