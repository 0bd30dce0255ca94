//! A schedule that is played by the model and written down.

use std::fmt::Write as _;

use tilefleet_common::ledger::flow::Step;

use crate::event::{Budget, Event};
use crate::fleet::{Fleet, Shape};
use crate::state::{State, WORKERS, Worker};
use crate::story::{Line, set};

/// A schedule on its way, and its text so far.
pub(super) struct Script {
    fleet: Fleet,
    state: State,
    text: String,
    lines: usize,
}

/// Events in any order and number: a schedule says itself what happens.
const ANYTHING: Budget = Budget {
    crashes: 9,
    expiries: 9,
    submit_crashes: 9,
    retries: 9,
    repairs: 0,
    retry_crashes: 9,
    lost_answers: 9,
    failed_notices: 9,
    cancels: 1,
    resumes: 9,
    resume_crashes: 9,
    lost_groups: 0,
};

impl Script {
    /// A schedule of two cells, cut as `shape` says. `title` and `prose` stand above it.
    pub(super) fn new(shape: Shape, title: &str, prose: [&str; 2]) -> Self {
        Self::with(ANYTHING, shape, title, prose)
    }

    /// The same in which a repair may come, and no retry.
    pub(super) fn with_repair(shape: Shape, title: &str, prose: [&str; 2]) -> Self {
        let budget = Budget {
            retries: 0,
            repairs: 9,
            ..ANYTHING
        };
        Self::with(budget, shape, title, prose)
    }

    /// The same with a task that so many failed cells stop.
    pub(super) fn with_limit(max_failed: u32, shape: Shape, title: &str, prose: [&str; 2]) -> Self {
        let fleet = Fleet::new(shape, ANYTHING).with_limit(max_failed);
        Self::of(fleet, title, prose)
    }

    fn with(budget: Budget, shape: Shape, title: &str, prose: [&str; 2]) -> Self {
        Self::of(Fleet::new(shape, budget), title, prose)
    }

    fn of(fleet: Fleet, title: &str, prose: [&str; 2]) -> Self {
        let state = fleet.first_state();
        Self {
            fleet,
            state,
            text: format!("{title}\n\n{}\n{}\n\n", prose[0], prose[1]),
            lines: 0,
        }
    }

    /// Lets `event` happen, which the model must allow.
    pub(super) fn event(&mut self, event: Event) -> &mut Self {
        let mut allowed = vec![];
        self.fleet.events(&self.state, WORKERS, &mut allowed);
        assert!(
            allowed.contains(&event),
            "{event:?} is not among {allowed:?} after\n{}",
            self.text
        );
        let (line, after) = self.fleet.line(&self.state, event);
        let who = match line.worker {
            Some(worker) => format!("worker {}", worker + 1),
            None => line.who.to_owned(),
        };
        self.lines += 1;
        self.text += &set(self.lines, &who, &line);
        self.state = after;
        self
    }

    /// The same event so often.
    pub(super) fn times(&mut self, times: u32, event: Event) -> &mut Self {
        for _ in 0..times {
            self.event(event);
        }
        self
    }

    /// The whole submit, in one line.
    pub(super) fn submit(&mut self) -> &mut Self {
        self.in_one_line("submit", " 2-4 the whole submit", |script| {
            script.until_it_cannot(Event::Submit);
        })
    }

    /// The worker makes the cell from receive to delete, in one line.
    pub(super) fn make(&mut self, worker: u8, cell: u8) -> &mut Self {
        let who = format!("worker {}", worker + 1);
        self.in_one_line(&who, &format!(" 4-10 make cell {cell}"), |script| {
            script.receive(worker, cell).finish(worker);
        })
    }

    /// Plays a part that is as usual and writes only what it changed.
    fn in_one_line(&mut self, who: &str, what: &str, play: impl FnOnce(&mut Self)) -> &mut Self {
        let (before, lines) = (self.state.clone(), self.lines);
        let text = std::mem::take(&mut self.text);
        play(self);
        self.text = text;
        self.lines = lines + 1;
        let line = Line {
            worker: None,
            who: "",
            what: what.to_owned(),
            effects: self.fleet.changes(&before, &self.state),
        };
        self.text += &set(self.lines, who, &line);
        self
    }

    /// The rest of a command, one call after the other.
    pub(super) fn until_it_cannot(&mut self, event: Event) -> &mut Self {
        let can = |script: &Self| {
            let mut allowed = vec![];
            script.fleet.events(&script.state, WORKERS, &mut allowed);
            allowed.contains(&event)
        };
        while can(self) {
            self.event(event);
        }
        self
    }

    /// The worker receives a message for the cell.
    pub(super) fn receive(&mut self, worker: u8, cell: u8) -> &mut Self {
        let queue = &self.state.queue;
        let place = queue
            .visible()
            .find(|&place| queue.ordinal(place) == Some(cell));
        let place = place.unwrap_or(u8::MAX);
        self.event(Event::Receive { worker, place })
    }

    /// The worker carries out its steps up to the one that `reached` describes.
    pub(super) fn until(&mut self, worker: u8, reached: impl Fn(&Step) -> bool) -> &mut Self {
        while let Some((_, step)) = self.fleet.step(&self.state, worker) {
            if reached(&step) {
                break;
            }
            self.event(match *step {
                Step::Work(_) => Event::WorkOk(worker),
                Step::Publish { .. } if self.has_counted(worker) => Event::Publish(worker),
                Step::Publish { .. } => Event::Count(worker),
                Step::Delete => Event::Delete(worker),
                Step::Defer(_) => Event::Defer(worker),
                _ => Event::Proceed(worker),
            });
        }
        self
    }

    fn has_counted(&self, worker: u8) -> bool {
        matches!(
            self.state.workers[usize::from(worker)],
            Worker::Busy {
                counted: Some(_),
                ..
            }
        )
    }

    /// The worker receives the cell and is about to work on it.
    pub(super) fn begin(&mut self, worker: u8, cell: u8) -> &mut Self {
        self.receive(worker, cell);
        self.until(worker, |step| matches!(step, Step::Work(_)))
    }

    /// The worker carries its message to the end.
    pub(super) fn finish(&mut self, worker: u8) -> &mut Self {
        self.until(worker, |_| false)
    }

    /// All messages are lost.
    pub(super) fn purge(&mut self) -> &mut Self {
        self.state.queue = crate::queue::Queue::default();
        self.note("the queue is purged: all messages are lost")
    }

    /// A line that names an unknown event.
    pub(super) fn note(&mut self, what: &str) -> &mut Self {
        let _ = writeln!(self.text, "     -- {what}");
        self
    }

    /// The whole text. The schedule must have come to a good end.
    pub(super) fn end(mut self) -> String {
        assert!(
            self.fleet.is_at_rest(&self.state),
            "no good end:\n{}",
            self.text
        );
        let standing = self.fleet.standing(&self.state);
        self.text += "\nAt the end:\n";
        for (name, said) in standing {
            let _ = writeln!(self.text, "     {name:<9} {said}");
        }
        let _ = writeln!(self.text, "     queue     empty");
        self.text
    }
}
