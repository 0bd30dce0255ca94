//! A counterexample in words.
#![expect(
    clippy::unwrap_used,
    reason = "events that cannot be told end the test, as they should"
)]

use std::fmt::Write as _;

use stateright::Model as _;
use tilefleet_common::ledger::flow::{Deferral, Outcome, Step};

use crate::event::Event;
use crate::fleet::{Fleet, State};

impl Fleet {
    /// These events from the beginning, a line each, for a person who reads a counterexample; and
    /// where they lead.
    pub(crate) fn tell(&self, events: impl IntoIterator<Item = Event>) -> (String, State) {
        let mut state = self.init_states().remove(0);
        let mut story = String::new();
        for (event, line) in events.into_iter().zip(1..) {
            let _ = writeln!(story, "{line:>3}. {}", self.describe(&state, event));
            state = self.next_state(&state, event).unwrap();
        }
        (story, state)
    }

    fn describe(&self, state: &State, event: Event) -> String {
        let by = |worker: u8| match self.step(state, worker) {
            Some((ordinal, step)) => format!("worker with cell {ordinal} at {}", short(&step)),
            None => "idle worker".to_owned(),
        };
        match event {
            Event::Receive { place, .. } => {
                format!(
                    "a worker receives cell {}",
                    state.queue.ordinal(place).unwrap()
                )
            }
            Event::Proceed(worker) => format!("{} carries it out", by(worker)),
            Event::WorkOk(worker) => format!("{} succeeds", by(worker)),
            Event::WorkFailed(worker) => format!("{} fails for good", by(worker)),
            Event::Publish(worker) => format!("{} publishes", by(worker)),
            Event::PublishFailed(worker) => format!("{} cannot publish", by(worker)),
            Event::AnswerLost(worker) => {
                format!("{} carries it out and does not hear of it", by(worker))
            }
            Event::Delete(worker) => format!("{} deletes its message", by(worker)),
            Event::DeleteInVain(worker) => {
                format!("{} deletes with a receipt that has no effect", by(worker))
            }
            Event::Defer(worker) => format!("{} leaves the message", by(worker)),
            Event::Crash(worker) => format!("{} DIES", by(worker)),
            Event::Expire(worker) => format!("{}: message VISIBLE AGAIN", by(worker)),
            Event::LeaseLapses => "the notice's lease RUNS OUT".to_owned(),
            Event::Submit => format!("submit: {:?}", state.submit),
            Event::SubmitCrashes => format!("submit DIES before {:?}", state.submit),
            Event::RetryAsked => "retry is asked for".to_owned(),
            Event::RepairAsked => "repair is asked for".to_owned(),
            Event::Retry => format!("retry: {:?}", state.retry),
            Event::RetryCrashes => format!("retry DIES before {:?}", state.retry),
            Event::Cancel => "the task is CANCELLED".to_owned(),
            Event::ResumeAsked => "resume is asked for".to_owned(),
            Event::Resume => format!("resume: {:?}", state.resume),
            Event::ResumeCrashes => format!("resume DIES before {:?}", state.resume),
        }
    }
}

fn short(step: &Step) -> String {
    match step {
        Step::Record(Outcome::Ok(_)) => "Record(Ok)".to_owned(),
        Step::Record(Outcome::Failed(_)) => "Record(Failed)".to_owned(),
        Step::Start(_) => "Start".to_owned(),
        Step::Work(_) => "Work".to_owned(),
        Step::Announce(_) => "Announce".to_owned(),
        Step::Defer(Deferral::Recipe(_)) => "Defer(Recipe)".to_owned(),
        Step::Defer(Deferral::NoticeHeld { .. }) => "Defer(NoticeHeld)".to_owned(),
        other => format!("{other:?}"),
    }
}
