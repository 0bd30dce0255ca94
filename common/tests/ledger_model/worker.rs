//! What workers do: they receive messages, carry out the steps of `ledger::flow`, and die.
#![expect(
    clippy::unwrap_used,
    reason = "a poisoned lock ends the test, as it should"
)]

use std::sync::Arc;

use tilefleet_common::ledger::flow::{Operation, Outcome, Step, StepContext};
use tilefleet_common::ledger::transition::{Failure, Notice, Success};
use tilefleet_common::ledger::{Counted, Key, NoRaster, Progress, TaskRecord};

use crate::event::Event;
use crate::flaw::Flaw;
use crate::fleet::Fleet;
use crate::queue::Receipt;
use crate::state::{Count, State, WORKERS, Worker};
use crate::table::{Cells, Items, ShardView};

impl Fleet {
    /// What the worker is about to do, and for which cell.
    pub(crate) fn step(&self, state: &State, worker: u8) -> Option<(u8, Arc<Step>)> {
        match state.workers[usize::from(worker)] {
            Worker::Idle => None,
            Worker::Busy { ordinal, step, .. } => Some((ordinal, self.shared.steps.value(step))),
        }
    }

    fn go_to(&self, state: &mut State, worker: u8, next: Step) {
        if let Worker::Busy { step, counted, .. } = &mut state.workers[usize::from(worker)] {
            *step = self.shared.steps.number(next);
            *counted = None;
        }
    }

    /// What the worker may do next, and what may befall it.
    pub(crate) fn worker_events(&self, state: &State, worker: u8, events: &mut Vec<Event>) {
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
            Step::Publish { .. } if Self::counted(state, worker).is_none() => {
                events.push(Event::Count(worker));
            }
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
        let counts =
            matches!(*step, Step::Publish { .. }) && Self::counted(state, worker).is_none();
        if state.budget.lost_answers > 0
            && !counts
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

    /// Carries out the worker's step; it goes on unless the answer is lost.
    fn carry_out(&self, state: &mut State, worker: u8, is_answered: bool) {
        let Worker::Busy { ordinal, step, .. } = state.workers[usize::from(worker)] else {
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
        if is_answered {
            state.workers[usize::from(worker)] = Worker::Busy {
                ordinal,
                step: next,
                counted: None,
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

    /// What a worker's step does to the ledger, if anything.
    fn operation(&self, ordinal: u8, step: &Step, lease: i64) -> Option<Operation> {
        let context = StepContext {
            worker: "w",
            now: "now",
            second: 0,
            notice_claim_s: lease,
        };
        let operation = step.operation(&self.tickets[usize::from(ordinal)], &context)?;
        Some(Flaw::operation(self.flaw, step, operation))
    }

    /// What the worker's next step does to the ledger, if anything.
    pub(crate) fn next_operation(&self, state: &State, worker: u8) -> Option<Operation> {
        let (ordinal, step) = self.step(state, worker)?;
        self.operation(ordinal, &step, self.next_lease(state))
    }

    fn answer_and_next(&self, items: &mut Items, ordinal: u8, step: &Step, lease: i64) -> Step {
        if matches!(step, Step::Announce(_)) {
            return Step::CloseFailed;
        }
        let operation = self.operation(ordinal, step, lease).unwrap();
        let answer = self.table().execute(items, &operation);
        let ticket = &self.tickets[usize::from(ordinal)];
        let next = Flaw::next(self.flaw, step.clone(), ticket, &answer);
        // A recipe never changes, so when it is read does not matter. Nor does it of a group: if
        // another worker closes its last shard meanwhile, both close the group; if a retry reopens
        // one, the group cannot be closed. Read at once, they make no states of their own.
        if matches!(next, Step::ReadRecipe | Step::ReadGroup) {
            return self.answer_and_next(items, ordinal, &next, lease);
        }
        next
    }

    fn counted(state: &State, worker: u8) -> Option<Count> {
        match state.workers[usize::from(worker)] {
            Worker::Busy { counted, .. } => counted,
            Worker::Idle => None,
        }
    }

    /// The worker reads all shards.
    fn count(&self, state: &mut State, worker: u8) {
        let shards = self.table().view(&state.items).shards;
        let cells = |of: fn(&ShardView) -> Cells| {
            let cells: Cells = shards.iter().flatten().map(of).sum();
            u8::try_from(cells.count_ones()).unwrap()
        };
        let (pending, failed) = (cells(|shard| shard.pending), cells(|shard| shard.failed));
        let all = u8::try_from(self.new_task().cells).unwrap();
        if let Worker::Busy { counted, .. } = &mut state.workers[usize::from(worker)] {
            *counted = Some((all - pending - failed, failed));
        }
    }

    /// The worker reads the header again and publishes what it has counted if that stands, and the
    /// step that follows.
    fn publish_what_stands(
        &self,
        state: &mut State,
        worker: u8,
        notice: Notice,
        until: i64,
    ) -> Step {
        let (ok, failed) = Self::counted(state, worker).unwrap_or_default();
        let cells = self.new_task().cells;
        let progress = Progress {
            cells,
            ok: ok.into(),
            failed: failed.into(),
            remaining: cells - u32::from(ok) - u32::from(failed),
            ..Progress::default()
        };
        let key = Key::Header(self.new_task().task.clone());
        let now = self.table().item(&state.items, &key);
        let now = now.map(|item| TaskRecord::from_item(&item).unwrap());
        match Flaw::counted(self.flaw, notice, progress, now.as_ref()) {
            Counted::Stands => {
                Self::publish(state, notice, progress);
                Step::MarkNotified(notice)
            }
            Counted::Moved => Step::Delete,
            Counted::Incomplete => Step::ReleaseNotice {
                notice,
                until,
                why: "incomplete".to_owned(),
            },
        }
    }

    fn publish(state: &mut State, notice: Notice, progress: Progress) {
        if progress.remaining > 0 && matches!(notice, Notice::Complete(_)) {
            state.history.miscounted = true;
        }
        let epoch = bit(notice);
        state.history.repeated |= state.history.published & epoch;
        state.history.published |= epoch;
    }

    /// The worker's lease is over while it goes on: its notice may go out beside another. If the
    /// worker is dead instead, only a notice that is out already can be followed by another.
    pub(crate) fn disturb(&self, state: &mut State, worker: u8, dead: bool) {
        match self.step(state, worker).as_ref().map(|(_, step)| &**step) {
            Some(Step::MarkNotified(notice)) => state.history.disturbed |= bit(*notice),
            Some(Step::Publish { notice, .. }) if !dead => state.history.disturbed |= bit(*notice),
            _ => {}
        }
    }

    pub(crate) fn worker_event(&self, state: &mut State, event: Event) {
        match event {
            Event::Receive { worker, place } => {
                let ordinal = state.queue.ordinal(place).unwrap();
                state.queue.receive(place, worker);
                let step = self.shared.steps.number(Step::ReadTask);
                state.workers[usize::from(worker)] = Worker::Busy {
                    ordinal,
                    step,
                    counted: None,
                };
            }
            Event::Proceed(worker) => self.carry_out(state, worker, true),
            Event::WorkOk(worker) => {
                self.go_to(
                    state,
                    worker,
                    Step::Record(Outcome::Ok(self.success(state, worker))),
                );
            }
            Event::WorkFailed(worker) => {
                self.go_to(state, worker, Step::Record(Outcome::Failed(failure())));
            }
            Event::Count(worker) => self.count(state, worker),
            Event::Publish(worker) | Event::PublishFailed(worker) => {
                let Some((_, step)) = self.step(state, worker) else {
                    return;
                };
                let Step::Publish { notice, until } = *step else {
                    return;
                };
                if event == Event::Publish(worker) {
                    let next = self.publish_what_stands(state, worker, notice, until);
                    self.go_to(state, worker, next);
                } else {
                    state.budget.failed_notices -= 1;
                    let why = "unreachable".to_owned();
                    self.go_to(state, worker, Step::ReleaseNotice { notice, until, why });
                }
            }
            Event::AnswerLost(worker) => {
                state.budget.lost_answers -= 1;
                let step = self.step(state, worker).map(|(_, step)| (*step).clone());
                if let Some(Step::Publish { notice, until }) = step {
                    let mut next = self.publish_what_stands(state, worker, notice, until);
                    if matches!(next, Step::MarkNotified(_)) {
                        state.history.disturbed |= bit(notice);
                        let why = "no answer".to_owned();
                        next = Step::ReleaseNotice { notice, until, why };
                    }
                    self.go_to(state, worker, next);
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
                    .is_some_and(|(_, step)| matches!(*step, Step::CloseOk(_)))
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

    /// How the worker's cell ends when nothing goes wrong: each time in the same way.
    fn success(&self, state: &State, worker: u8) -> Success {
        let ordinal = self.step(state, worker).map_or(0, |(ordinal, _)| ordinal);
        let is_outside = self.outside >> ordinal & 1 == 1;
        Success {
            output: "s3://out/".parse().unwrap(),
            artefacts: vec![],
            without_raster: is_outside.then_some(NoRaster::OutsideArea),
            fetch_ms: 1,
            fuse_ms: 1,
            publish_ms: 1,
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
        cancelled && (view.ok_cells & open) >> ordinal & 1 == 1
    }
}

/// A notice as a bit of the history: epochs from 1, then cancellations from 1.
fn bit(notice: Notice) -> u8 {
    match notice {
        Notice::Complete(epoch) => 1 << epoch,
        Notice::Cancelled(cancels) => 1 << (4 + cancels),
    }
}

fn failure() -> Failure {
    Failure {
        code: "damaged".to_owned(),
        message: "damaged".to_owned(),
    }
}
