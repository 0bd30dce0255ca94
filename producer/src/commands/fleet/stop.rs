//! `fleet stop`: rounds until the group is empty.

use std::time::Duration;

use serde::Serialize;
use tilefleet_common::aws::{Ending, Group, GroupState};
use tilefleet_common::deployment::MESSAGE_RETENTION_S;
use tilefleet_common::fault;

use super::status::counts;
use crate::cli::{Output, StopArgs, note};
use crate::error::ProducerError;

/// The pause between two rounds: a machine takes minutes to end.
const PAUSE: Duration = Duration::from_secs(10);

/// What `fleet stop` has done.
#[derive(Debug, Serialize)]
struct StopOutcome {
    group: String,
    /// Whether the group was stopped and empty before.
    already: bool,
    /// Machines that this command ended or would end.
    machines: usize,
    dry_run: bool,
}

impl StopOutcome {
    fn line(&self) -> String {
        let Self {
            group,
            already,
            machines,
            dry_run,
        } = self;
        let done = match (already, dry_run) {
            (true, _) => format!("group {group} is stopped already, and has no machines"),
            (false, true) => {
                format!("group {group} would be stopped: {machines} machines would end")
            }
            (false, false) => format!("group {group} is stopped: {machines} machines ended"),
        };
        let days = MESSAGE_RETENTION_S / 86_400;
        format!(
            "{done}; messages stay in the queue, each for {days} days after it was sent; `producer fleet start` starts \
             the group again"
        )
    }
}

/// Stops the group and waits until its last machine is gone.
pub(super) async fn run(
    args: &StopArgs,
    group: &Group,
    output: &mut Output,
) -> Result<(), ProducerError> {
    let before = group.state().await?;
    let already = before.is_stopped() && before.machines.is_empty();
    let (mut machines, mut last) = (to_end(&before), String::new());
    if !args.dry_run {
        machines = 0;
        loop {
            let round = group.stop_round().await?;
            machines += round.ordered;
            if round.is_complete() {
                break;
            }
            let text = progress(group.name(), &round);
            if text != last {
                note(&text);
                last = text;
            }
            tokio::time::sleep(fault::shortened(PAUSE)).await;
        }
    }
    let outcome = StopOutcome {
        group: group.name().to_owned(),
        already,
        machines,
        dry_run: args.dry_run,
    };
    output.outcome(&outcome.line(), &outcome)
}

/// Machines that do not end yet.
fn to_end(state: &GroupState) -> usize {
    let left = state.machines.iter().filter(|machine| !machine.is_ending());
    left.count()
}

/// What a round found and did, on one line.
fn progress(group: &str, round: &Ending) -> String {
    let mut parts = vec![counts(&round.before.lifecycle())];
    if round.ordered > 0 {
        parts.push(format!("{} told to end", round.ordered));
    }
    if let Some(first) = round.unended.first() {
        parts.push(format!(
            "{} cannot be ended yet, such as {}: {}",
            round.unended.len(),
            first.machine,
            first.error
        ));
    }
    format!("group {group}: {}", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use tilefleet_common::aws::GroupMachine;

    use super::*;

    #[test]
    fn the_outcome_says_that_messages_stay_and_how_to_start_again() {
        let outcome = |already, dry_run| {
            StopOutcome {
                group: "t-workers".to_owned(),
                already,
                machines: if already { 0 } else { 3 },
                dry_run,
            }
            .line()
        };
        let lines = [
            outcome(false, false),
            outcome(false, true),
            outcome(true, false),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn machines_that_end_already_are_not_ended_again() {
        let machine = |lifecycle: &str| GroupMachine {
            id: "i-1".to_owned(),
            lifecycle: lifecycle.to_owned(),
            protected: false,
        };
        let state = GroupState {
            machines: ["Pending", "InService", "Terminating:Wait"]
                .map(machine)
                .into(),
            ..GroupState::default()
        };
        assert_eq!(to_end(&state), 2);
        let round = Ending {
            before: state,
            ordered: 2,
            unended: vec![],
        };
        assert_eq!(
            progress("t-workers", &round),
            "group t-workers: 1 InService, 1 Pending, 1 Terminating:Wait; 2 told to end"
        );
    }
}
