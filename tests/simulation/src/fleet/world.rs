//! The simulation: events in the order of their seconds.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

use crate::cloudwatch::alarm::Alarm;
use crate::cloudwatch::metrics::{Metric, Metrics};
use crate::error::Error;
use crate::fleet::conditions::{Conditions, Protection};
use crate::fleet::group::Group;
use crate::fleet::machine::{Life, Machine};
use crate::fleet::outcome::{Outcome, Sample};
use crate::fleet::queue::Queue;
use crate::rendered::Scaling;

/// How often the group compares what it has with what it wants.
const RECONCILE_SECONDS: u64 = 15;
/// Spot takes a machine so long after its notice ("Spot Instance interruption notices").
const NOTICE_SECONDS: u64 = 120;
/// Seconds until an idle worker answers the lifecycle hook.
const FAREWELL_SECONDS: u64 = 15;
/// Seconds that the hook waits when there is no worker yet: its heartbeat timeout.
const UNANSWERED_SECONDS: u64 = 140;
/// How long a sleeping fleet is watched, to see whether it stays asleep.
const WATCH_SECONDS: u64 = 2 * 3600;
/// A fleet that has done nothing for this long is stuck.
const STUCK_SECONDS: u64 = 24 * 3600;

/// What happens at some second. Of two events at one second, the one that was scheduled first comes
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Sent {
        task: usize,
        cells: u64,
        last_of: u64,
    },
    InService(u32),
    Ready(u32),
    Done {
        machine: u32,
        task: usize,
    },
    Notice(u32),
    GraceOver(u32),
    Gone(u32),
    Reconcile,
    Minute,
}

/// Lets a fleet run until it sleeps again, or is stuck.
///
/// # Errors
/// [`Error::Expression`] or [`Error::Metric`] when an expression is not understood.
pub fn simulate(scaling: &Scaling, conditions: &Conditions) -> Result<Outcome, Error> {
    let mut world = World::new(scaling, conditions)?;
    while let Some(Reverse((now, _, event))) = world.events.pop() {
        world.now = now;
        world.happen(event);
        if world.over() {
            break;
        }
    }
    Ok(world.finish())
}

struct World<'a> {
    conditions: &'a Conditions,
    random: StdRng,
    now: u64,
    foreseen: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    queue: Queue,
    group: Group,
    metrics: Metrics,
    out: Alarm<'a>,
    into: Alarm<'a>,
    /// Machines whose worker would take more than it has.
    hungry: BTreeSet<u32>,
    ordered: u32,
    unsent: u64,
    open: u64,
    /// Cells of each task that are sent and not done.
    open_of: Vec<u64>,
    last_progress: u64,
    outcome: Outcome,
}

impl<'a> World<'a> {
    fn new(scaling: &'a Scaling, conditions: &'a Conditions) -> Result<Self, Error> {
        let mut world = Self {
            conditions,
            random: StdRng::seed_from_u64(conditions.seed),
            now: 0,
            foreseen: 0,
            events: BinaryHeap::new(),
            queue: Queue::new(
                conditions.delivery,
                conditions.idle_before,
                conditions.silent_minutes * 60,
            ),
            group: Group::new(conditions, scaling.out.warmup_seconds.unwrap_or(0)),
            metrics: Metrics::default(),
            out: Alarm::new(&scaling.out, conditions.extra_points)?,
            into: Alarm::new(&scaling.into, conditions.extra_points)?,
            hungry: BTreeSet::new(),
            ordered: 0,
            unsent: 0,
            open: 0,
            open_of: vec![0; conditions.bursts.len()],
            last_progress: 0,
            outcome: Outcome::default(),
        };
        for (task, burst) in conditions.bursts.iter().enumerate() {
            let mut left = burst.cells;
            let mut at = burst.at;
            while left > 0 {
                let cells = left.min(conditions.sent_per_second);
                left -= cells;
                let last_of = if left == 0 { burst.cells } else { 0 };
                world.foresee(
                    at,
                    Event::Sent {
                        task,
                        cells,
                        last_of,
                    },
                );
                at += 1;
            }
            world.unsent += burst.cells;
            world.outcome.bursts.push(burst.at);
            world.outcome.ends.push(None);
        }
        world.outcome.first_sent = conditions
            .bursts
            .iter()
            .map(|burst| burst.at)
            .min()
            .unwrap_or(0);
        world.foresee(0, Event::Reconcile);
        world.foresee(60, Event::Minute);
        Ok(world)
    }

    fn foresee(&mut self, at: u64, event: Event) {
        self.foreseen += 1;
        self.events.push(Reverse((at, self.foreseen, event)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Sent {
                task,
                cells,
                last_of,
            } => self.send(task, cells, last_of),
            Event::InService(number) => self.put_in_service(number),
            Event::Ready(number) => {
                if let Some(machine) = self.group.machines.get_mut(&number) {
                    machine.ready = true;
                    self.feed(number);
                }
            }
            Event::Done { machine, task } => self.complete(machine, task),
            Event::Notice(number) => self.notice(number),
            Event::GraceOver(number) => self.hand_back(number),
            Event::Gone(number) => self.bury(number),
            Event::Reconcile => self.reconcile(),
            Event::Minute => self.minute(),
        }
    }

    fn send(&mut self, task: usize, cells: u64, last_of: u64) {
        self.queue.send(task, cells, self.now);
        self.unsent -= cells;
        self.open += cells;
        self.open_of[task] += cells;
        self.outcome.cells += cells;
        self.last_progress = self.now;
        if last_of > 0 && self.conditions.wake {
            self.group
                .wake(last_of.div_ceil(self.conditions.cells_per_worker), self.now);
        }
        self.feed_all();
    }

    /// Any worker that polls may get a message, so the order is random.
    fn feed_all(&mut self) {
        let mut numbers: Vec<u32> = self.hungry.iter().copied().collect();
        numbers.shuffle(&mut self.random);
        for number in numbers {
            if self.queue.visible == 0 {
                break;
            }
            self.feed(number);
        }
    }

    fn feed(&mut self, number: u32) {
        let now = self.now;
        let slots = self.conditions.slots;
        let Some(machine) = self.group.machines.get_mut(&number) else {
            return;
        };
        if machine.takes() {
            let received = self.queue.receive(slots + 1 - machine.held(), now);
            machine.buffered.extend(received);
            machine.settle(now);
        }
        let room = machine.buffered.len().min(slots - machine.running.len());
        let started: Vec<usize> = machine.buffered.drain(..room).collect();
        machine.running.extend(&started);
        if machine.takes() && machine.held() <= slots {
            self.hungry.insert(number);
        } else {
            self.hungry.remove(&number);
        }
        for task in started {
            let seconds = self.cell_seconds();
            let machine = number;
            self.foresee(now + seconds, Event::Done { machine, task });
        }
    }

    /// Log-normal, from two uniform numbers (Box and Muller, 1958).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of a cell: positive and small"
    )]
    fn cell_seconds(&mut self) -> u64 {
        let (first, second): (f64, f64) = (1.0 - self.random.random::<f64>(), self.random.random());
        let normal = (-2.0 * first.ln()).sqrt() * (std::f64::consts::TAU * second).cos();
        (self.conditions.cell_seconds * (self.conditions.cell_spread * normal).exp())
            .round()
            .max(1.0) as u64
    }

    fn complete(&mut self, number: u32, task: usize) {
        let Some(machine) = self.group.machines.get_mut(&number) else {
            return;
        };
        // Unless what it held was handed back in the meantime.
        let Some(position) = machine.running.iter().position(|&running| running == task) else {
            return;
        };
        machine.running.swap_remove(position);
        machine.settle(self.now);
        self.queue.delete(task, self.now);
        self.open -= 1;
        self.open_of[task] -= 1;
        if self.open_of[task] == 0 {
            self.outcome.ends[task] = Some(self.now);
        }
        self.last_progress = self.now;
        if self.open == 0 {
            self.outcome.drained_at = Some(self.now);
        }
        self.feed(number);
    }

    fn order(&mut self) {
        let number = self.ordered;
        self.ordered += 1;
        let (from, to) = self.conditions.launch_seconds;
        let at = self.now + self.random.random_range(from..=to);
        self.group.machines.insert(number, Machine::ordered(at));
        self.foresee(at, Event::InService(number));
    }

    fn put_in_service(&mut self, number: u32) {
        let Some(machine) = self.group.machines.get_mut(&number) else {
            return;
        };
        machine.life = Life::InService;
        let (from, to) = self.conditions.boot_seconds;
        let ready = self.now + self.random.random_range(from..=to);
        self.foresee(ready, Event::Ready(number));
        if self.conditions.interruptions_per_hour > 0.0 {
            let hours =
                -(1.0 - self.random.random::<f64>()).ln() / self.conditions.interruptions_per_hour;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive; too large saturates"
            )]
            let seconds = (hours * 3600.0) as u64;
            self.foresee(self.now.saturating_add(seconds), Event::Notice(number));
        }
    }

    fn notice(&mut self, number: u32) {
        let Some(machine) = self.group.machines.get_mut(&number) else {
            return;
        };
        if machine.life == Life::InService {
            machine.life = Life::Interrupted;
            self.outcome.interruptions += 1;
            self.hungry.remove(&number);
            self.foresee(
                self.now + self.conditions.grace_seconds,
                Event::GraceOver(number),
            );
            self.foresee(self.now + NOTICE_SECONDS, Event::Gone(number));
        }
    }

    fn hand_back(&mut self, number: u32) {
        let Some(machine) = self.group.machines.get_mut(&number) else {
            return;
        };
        let held = machine.drop_cells(self.now);
        if !held.is_empty() {
            self.outcome.handed_back += held.len() as u64;
            self.queue.hand_back(&held, self.now);
            self.feed_all();
        }
    }

    fn bury(&mut self, number: u32) {
        self.hand_back(number);
        self.hungry.remove(&number);
        if let Some(machine) = self.group.machines.remove(&number) {
            self.pay(&machine);
        }
    }

    fn pay(&mut self, machine: &Machine) {
        self.outcome.paid_seconds += self.now.saturating_sub(machine.in_service_at);
        self.outcome.busy_seconds +=
            machine.busy_seconds + machine.busy_since.map_or(0, |since| self.now - since);
    }

    fn reconcile(&mut self) {
        let live = self.group.live();
        for _ in live..self.group.desired {
            self.order();
        }
        for _ in self.group.desired..live {
            let Some(number) = self.victim() else { break };
            self.end(number);
        }
        self.foresee(self.now + RECONCILE_SECONDS, Event::Reconcile);
    }

    /// Which machine scale-in ends: any that is not protected. The default termination policy looks
    /// at zones, templates and the time to the next hour that is charged, all of which are chance
    /// here.
    fn victim(&mut self) -> Option<u32> {
        let free = |machine: &Machine| match (self.conditions.protection, machine.busy_since) {
            (Protection::Nothing, _) | (_, None) => true,
            (Protection::After(seconds), Some(since)) => self.now < since + seconds,
        };
        let candidates: Vec<u32> = self
            .group
            .machines
            .iter()
            .filter(|(_, machine)| machine.counts() && free(machine))
            .map(|(number, _)| *number)
            .collect();
        candidates.choose(&mut self.random).copied()
    }

    fn end(&mut self, number: u32) {
        let Some(machine) = self.group.machines.get_mut(&number) else {
            return;
        };
        self.hungry.remove(&number);
        if machine.life == Life::Pending {
            self.group.machines.remove(&number);
            return;
        }
        machine.life = Life::Terminating;
        let grace = if machine.held() > 0 {
            self.outcome.busy_removed += 1;
            self.foresee(
                self.now + self.conditions.grace_seconds,
                Event::GraceOver(number),
            );
            self.conditions.grace_seconds + FAREWELL_SECONDS
        } else if machine.ready {
            FAREWELL_SECONDS
        } else {
            UNANSWERED_SECONDS
        };
        self.foresee(self.now + grace, Event::Gone(number));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn minute(&mut self) {
        let minute = usize::try_from(self.now / 60).unwrap_or(usize::MAX) - 1;
        // Workers that wait poll all the time.
        if !self.hungry.is_empty() {
            self.queue.called(self.now);
        }
        if self.queue.publishes(self.now) {
            let known = self.now + 60 * self.late(self.conditions.queue_lag);
            self.metrics
                .publish(Metric::Visible, minute, self.queue.visible as f64, known);
            if self.queue.inflight > 0 || !self.conditions.no_zero_inflight {
                self.metrics
                    .publish(Metric::Inflight, minute, self.queue.inflight as f64, known);
            }
        }
        let known = self.now + 60 * self.late(self.conditions.group_lag);
        self.metrics
            .publish(Metric::Desired, minute, self.group.desired as f64, known);

        if let Some(change) = self
            .out
            .evaluate(&self.metrics, minute)
            .and_then(|value| self.out.change(value))
        {
            self.group
                .add(usize::try_from(change).unwrap_or(0), self.now);
        }
        if let Some(change) = self
            .into
            .evaluate(&self.metrics, minute)
            .and_then(|value| self.into.change(value))
        {
            self.group
                .remove(usize::try_from(-change).unwrap_or(0), self.now);
        }
        let sample = Sample {
            visible: self.queue.visible,
            inflight: self.queue.inflight,
            desired: self.group.desired,
            live: self.group.live(),
            busy: self.group.worked_since(self.now - 60),
        };
        self.outcome.peak = self.outcome.peak.max(sample.live);
        self.outcome.busy_unwanted = self
            .outcome
            .busy_unwanted
            .max(self.group.busy().saturating_sub(sample.desired));
        self.outcome.minutes.push(sample);
        self.foresee(self.now + 60, Event::Minute);
    }

    fn late(&mut self, (from, to): (u64, u64)) -> u64 {
        self.random.random_range(from..=to)
    }

    fn over(&mut self) -> bool {
        let min = self.conditions.min_workers;
        let asleep =
            self.open == 0 && self.group.desired == min && self.group.machines.len() == min;
        if !asleep {
            self.outcome.asleep_at = None;
        } else if self.outcome.asleep_at.is_none() {
            self.outcome.asleep_at = Some(self.now);
        }
        let watched = self
            .outcome
            .asleep_at
            .is_some_and(|since| self.now >= since + WATCH_SECONDS);
        self.unsent == 0 && (watched || self.now >= self.last_progress + STUCK_SECONDS)
    }

    fn finish(mut self) -> Outcome {
        for machine in std::mem::take(&mut self.group.machines).into_values() {
            self.pay(&machine);
        }
        if self.open > 0 {
            self.outcome.drained_at = None;
        }
        self.outcome.changes = std::mem::take(&mut self.group.changes);
        self.outcome
    }
}
