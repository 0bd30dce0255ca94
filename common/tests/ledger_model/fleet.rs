//! The fleet as a state machine: one task of two cells, its producer, its operator, two workers,
//! and what may befall them.
#![expect(
    clippy::unwrap_used,
    reason = "a poisoned lock or an unreadable name ends the test, as it should"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use stateright::{Model, Property};
use tilefleet_common::domain::{Job, Recipe, shard_of};
use tilefleet_common::ledger::TaskState;
use tilefleet_common::ledger::flow::{Outcome, Step, StepContext};
use tilefleet_common::ledger::transition::{Failure, NewTask, Success, Ticket};

use crate::commands::{self, Desk, Resume, Retry, Submit};
use crate::event::{Budget, Event};
use crate::flaw::Flaw;
use crate::property;
use crate::queue::{Queue, Receipt};
use crate::table::{Cells, Items, Pool, Table};

const CELLS: u8 = 2;
const WORKERS: u8 = 2;

/// What has happened, where the ledger does not remember it. Epochs and ordinals are bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct History {
    /// Cells whose item said ok.
    pub(crate) ok: Cells,
    /// Cells that were ok and neither pending nor failed.
    pub(crate) done: Cells,
    /// Epochs in which the task was complete.
    pub(crate) completed: u8,
    /// Epochs whose notice went out.
    pub(crate) published: u8,
    /// Epochs whose notice went out more than once.
    pub(crate) repeated: u8,
    /// Epochs whose notice was out unmarked when its sender died, or not settled when the sender's
    /// lease ran out.
    pub(crate) disturbed: u8,
    /// A success may be left half told: one who held no message died between item and shard, a
    /// message was deleted by one who held it no longer, or it was dropped because the task was
    /// cancelled.
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
    pub(crate) resume: Resume,
    budget: Budget,
    pub(crate) history: History,
}

impl State {
    /// Whether somebody has cancelled the task, in a search that lets them do so once.
    pub(crate) fn has_been_cancelled(&self) -> bool {
        self.budget.cancels == 0
    }

    /// Whether no message is left and no command runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.workers == [Worker::Idle; 2]
            && self.submit == Submit::Done
            && matches!(self.retry, Retry::Unasked | Retry::Done)
            && matches!(self.resume, Resume::Unasked | Resume::Done)
    }
}

/// The machine, with what all its states share.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    budget: Budget,
    flaw: Option<Flaw>,
    new: Arc<NewTask>,
    recipe: &'static Recipe,
    tickets: [Ticket; CELLS as usize],
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    table: Table,
    steps: Pool<Step>,
    /// What each step does to the items and which one follows: the same few thousand come again in
    /// millions of states.
    carried_out: Mutex<HashMap<Doing, (Items, u16)>>,
}

/// These items, a cell's ordinal, a step by its number, and the end of the next lease of the
/// notice.
type Doing = (Items, u8, u16, i64);

impl Fleet {
    pub(crate) fn new(shard_size: u32, budget: Budget) -> Self {
        let recipe = Recipe::builtin("rgb").unwrap();
        let new = NewTask {
            task: "rgb-0123456789abcdef".parse().unwrap(),
            cells: CELLS.into(),
            shard_size,
            manifest: "s3://out/manifest.ndjson".parse().unwrap(),
            job: Job::Raster(recipe.clone()).id(),
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
            job: new.job.clone(),
        };
        let tickets = [ticket(0), ticket(1)];
        Self {
            budget,
            flaw: None,
            new: Arc::new(new),
            recipe,
            tickets,
            shared: Arc::default(),
        }
    }

    pub(crate) fn with(self, flaw: Flaw) -> Self {
        Self {
            flaw: Some(flaw),
            shared: Arc::default(),
            ..self
        }
    }

    pub(crate) fn new_task(&self) -> &NewTask {
        &self.new
    }

    pub(crate) fn table(&self) -> &Table {
        &self.shared.table
    }

    /// Whether all has come to a good end: the task is complete and its notice is out, or it is
    /// cancelled, and nobody has anything to do.
    pub(crate) fn is_at_rest(&self, state: &State) -> bool {
        let told = self
            .table()
            .view(&state.items)
            .task
            .is_some_and(|task| match task.state {
                TaskState::Complete => task.notified_epoch == task.epoch,
                TaskState::Cancelled => true,
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
            events.extend(
                state
                    .queue
                    .visible()
                    .map(|place| Event::Receive { worker, place }),
            );
            return;
        };
        match *step {
            Step::Work(_) => events.extend([Event::WorkOk(worker), Event::WorkFailed(worker)]),
            Step::Publish { .. } => {
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
            && !matches!(
                *step,
                Step::Work(_) | Step::Announce(_) | Step::Delete | Step::Defer(_)
            )
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
        let Worker::Busy { ordinal, step } = state.workers[usize::from(worker)] else {
            return;
        };
        let doing = (state.items, ordinal, step, self.next_lease(state));
        let known = self.shared.carried_out.lock().unwrap().get(&doing).copied();
        let (items, next) = known.unwrap_or_else(|| {
            let mut items = state.items;
            let next =
                self.answer_and_next(&mut items, ordinal, &self.shared.steps.value(step), doing.3);
            let carried_out = (items, self.shared.steps.number(next));
            self.shared
                .carried_out
                .lock()
                .unwrap()
                .insert(doing, carried_out);
            carried_out
        });
        state.items = items;
        if heard {
            state.workers[usize::from(worker)] = Worker::Busy {
                ordinal,
                step: next,
            };
        }
    }

    /// The end of the next lease of the notice. No two claims are made in one second, so it is
    /// unlike all that the task or a worker still knows of; of those, the first, so that there are
    /// few.
    fn next_lease(&self, state: &State) -> i64 {
        let known: Vec<i64> = (0..WORKERS)
            .filter_map(|worker| match *self.step(state, worker)?.1 {
                Step::Publish { until, .. } | Step::ReleaseNotice { until, .. } => Some(until),
                _ => None,
            })
            .chain(
                self.table()
                    .view(&state.items)
                    .task
                    .and_then(|task| task.notice_until),
            )
            .collect();
        (1..=i64::from(WORKERS) + 2)
            .find(|until| !known.contains(until))
            .unwrap()
    }

    fn answer_and_next(&self, items: &mut Items, ordinal: u8, step: &Step, lease: i64) -> Step {
        if matches!(step, Step::Announce(_)) {
            return Step::CloseFailed;
        }
        let context = StepContext {
            worker: "w",
            now: "now",
            second: 0,
            notice_lease_s: lease,
        };
        let ticket = &self.tickets[usize::from(ordinal)];
        let operation = step.operation(ticket, &context).unwrap();
        let operation = Flaw::operation(self.flaw, step, operation);
        let answer = self.table().execute(items, &operation);
        let next = Flaw::next(self.flaw, step.clone(), ticket, &answer);
        // A recipe never changes, so when it is read does not matter. Read at once, it makes no
        // states of its own.
        if next == Step::ReadRecipe {
            return self.answer_and_next(items, ordinal, &next, lease);
        }
        next
    }

    fn publish(state: &mut State, epoch: u32) {
        let epoch = 1 << epoch;
        state.history.repeated |= state.history.published & epoch;
        state.history.published |= epoch;
    }

    /// The worker's lease is over while it goes on: its notice may go out beside another. If the
    /// worker is dead instead, only a notice that is out already can be followed by another.
    fn disturb(&self, state: &mut State, worker: u8, dead: bool) {
        match self.step(state, worker).as_ref().map(|(_, step)| &**step) {
            Some(Step::MarkNotified(epoch)) => state.history.disturbed |= 1 << epoch,
            Some(Step::Publish { epoch, .. }) if !dead => state.history.disturbed |= 1 << epoch,
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
            Event::WorkOk(worker) => {
                self.go_to(state, worker, Step::Record(Outcome::Ok(success())));
            }
            Event::WorkFailed(worker) => {
                self.go_to(state, worker, Step::Record(Outcome::Failed(failure())));
            }
            Event::Publish(worker) | Event::PublishFailed(worker) => {
                let Some((_, step)) = self.step(state, worker) else {
                    return;
                };
                let Step::Publish { epoch, until } = *step else {
                    return;
                };
                if event == Event::Publish(worker) {
                    Self::publish(state, epoch);
                    self.go_to(state, worker, Step::MarkNotified(epoch));
                } else {
                    state.budget.failed_notices -= 1;
                    let why = "unreachable".to_owned();
                    self.go_to(state, worker, Step::ReleaseNotice { epoch, until, why });
                }
            }
            Event::AnswerLost(worker) => {
                state.budget.lost_answers -= 1;
                let step = self.step(state, worker).map(|(_, step)| (*step).clone());
                if let Some(Step::Publish { epoch, until }) = step {
                    Self::publish(state, epoch);
                    state.history.disturbed |= 1 << epoch;
                    let why = "no answer".to_owned();
                    self.go_to(state, worker, Step::ReleaseNotice { epoch, until, why });
                } else {
                    self.disturb(state, worker, false);
                    self.carry_out(state, worker, false);
                }
            }
            Event::Delete(worker) => {
                state.history.untold |= state.queue.receipt(worker) == Receipt::Stale;
                state.history.untold |= self.drops_a_success(state, worker);
                state.queue.delete(worker);
                state.workers[usize::from(worker)] = Worker::Idle;
            }
            Event::DeleteInVain(worker) | Event::Defer(worker) => {
                state.queue.release(worker);
                state.workers[usize::from(worker)] = Worker::Idle;
            }
            Event::Crash(worker) => {
                state.budget.crashes -= 1;
                state.history.untold |= self
                    .step(state, worker)
                    .is_some_and(|(_, step)| *step == Step::CloseOk)
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

    /// Whether the message that the worker gives up, of a task that was cancelled, would have told
    /// of a success.
    fn drops_a_success(&self, state: &State, worker: u8) -> bool {
        let Some((ordinal, _)) = self.step(state, worker) else {
            return false;
        };
        let view = self.table().view(&state.items);
        let open: Cells = view
            .shards
            .iter()
            .flatten()
            .map(|shard| shard.pending | shard.failed)
            .sum();
        let cancelled = self.budget.cancels > 0 && state.has_been_cancelled();
        cancelled && (view.ok_rows & open) >> ordinal & 1 == 1
    }

    fn command_event(&self, state: &mut State, event: Event) {
        let mut desk = Desk {
            table: self.table(),
            new: &self.new,
            recipe: self.recipe,
            flaw: self.flaw,
            items: &mut state.items,
            queue: &mut state.queue,
        };
        match event {
            Event::Submit => state.submit = state.submit.call(&mut desk),
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
            Event::Retry => state.retry = state.retry.call(&mut desk),
            Event::RetryCrashes => {
                state.budget.retry_crashes -= 1;
                state.retry = if self.budget.repairs > 0 {
                    Retry::Unmark(0)
                } else {
                    Retry::ReadTask(0)
                };
            }
            Event::Cancel => {
                state.budget.cancels -= 1;
                commands::cancel(&mut desk);
            }
            Event::ResumeAsked => {
                state.budget.resumes -= 1;
                state.resume = Resume::ReadTask;
            }
            Event::Resume => state.resume = state.resume.call(&mut desk),
            Event::ResumeCrashes => {
                state.budget.resume_crashes -= 1;
                state.resume = Resume::ReadTask;
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

    fn remember(&self, state: &mut State) {
        let view = self.table().view(&state.items);
        state.history.ok |= view.ok_rows;
        let open: Cells = view
            .shards
            .iter()
            .flatten()
            .map(|shard| shard.pending | shard.failed)
            .sum();
        state.history.done |= view.ok_rows & !open;
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
            submit: Submit::ReadTask,
            retry: Retry::Unasked,
            resume: Resume::Unasked,
            budget: self.budget,
            history: History::default(),
        }]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        if state.submit != Submit::Done {
            events.push(Event::Submit);
            if state.budget.submit_crashes > 0 && state.submit != Submit::ReadTask {
                events.push(Event::SubmitCrashes);
            }
        }
        let task = self.table().view(&state.items).task;
        self.operator_events(state, events);
        // Once the notice is out, nobody asks for the lease any more until a retry removes it.
        if task.is_some_and(|task| task.notice_held && task.notified_epoch < task.epoch) {
            events.push(Event::LeaseLapses);
        }
        // Two idle workers are alike.
        let workers = if state.workers == [Worker::Idle; 2] {
            1
        } else {
            WORKERS
        };
        for worker in 0..workers {
            self.worker_events(state, worker, events);
        }
    }

    fn next_state(&self, last: &State, event: Event) -> Option<State> {
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
            | Event::ResumeCrashes => self.command_event(&mut state, event),
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
        output: "s3://out/".parse().unwrap(),
        artefacts: vec![],
        fetch_ms: 1,
        fuse_ms: 1,
        publish_ms: 1,
    }
}

fn failure() -> Failure {
    Failure {
        code: "damaged".to_owned(),
        message: "damaged".to_owned(),
    }
}
