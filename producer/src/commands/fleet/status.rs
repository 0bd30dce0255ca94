//! `fleet status`: what the group wants and what it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use serde::Serialize;
use tilefleet_common::aws::{Group, GroupState};

use crate::cli::{Format, Output};
use crate::error::ProducerError;
use crate::fleet::FleetConnection;

/// The state of the fleet's machines and of its queue.
#[derive(Debug, Serialize)]
struct FleetStatus {
    group: String,
    stopped: bool,
    desired: u32,
    least: u32,
    most: u32,
    in_service: usize,
    /// Machines by their lifecycle states, those that end included.
    machines: BTreeMap<String, usize>,
    /// Machines that are protected from scale-in.
    protected: usize,
    suspended: BTreeSet<String>,
    /// Messages that wait, approximately.
    waiting: u64,
    /// Messages that workers hold or that are hidden, approximately.
    hidden: u64,
}

impl FleetStatus {
    fn new(group: &str, state: GroupState, waiting: u64, hidden: u64) -> Self {
        Self {
            group: group.to_owned(),
            stopped: state.is_stopped(),
            desired: state.desired,
            least: state.least,
            most: state.most,
            in_service: state.in_service(),
            machines: state.lifecycle(),
            protected: state.protected(),
            suspended: state.suspended,
            waiting,
            hidden,
        }
    }

    fn state(&self) -> &'static str {
        match (self.stopped, self.machines.is_empty()) {
            (true, true) => "stopped; `producer fleet start` starts it",
            (true, false) => "stopping; `producer fleet stop` ends the machines that are left",
            (false, true) if self.desired == 0 => "asleep; the next submit wakes it",
            (false, true) => "has no machines yet",
            (false, false) => "runs",
        }
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let suspended: Vec<&str> = self.suspended.iter().map(String::as_str).collect();
        let or_none = |text: String| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text
            }
        };
        let rows = [
            ("group", self.group.clone()),
            ("state", self.state().to_owned()),
            (
                "desired",
                format!("{} ({} to {})", self.desired, self.least, self.most),
            ),
            ("in service", self.in_service.to_string()),
            ("machines", or_none(counts(&self.machines))),
            ("protected", self.protected.to_string()),
            ("suspended", or_none(suspended.join(", "))),
            (
                "queue",
                format!("{} cells wait, {} are in work", self.waiting, self.hidden),
            ),
        ];
        rows.into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect()
    }

    fn write(&self, output: &mut Output) -> Result<(), ProducerError> {
        if output.format == Format::Table {
            output.table(None, &self.rows())?;
        } else {
            output.json(self)?;
        }
        output.flush()
    }
}

/// Numbers with their names: "2 `InService`, 1 Pending".
pub(super) fn counts<N: Display>(counts: &BTreeMap<String, N>) -> String {
    let counts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    counts.join(", ")
}

/// Prints the state of the fleet.
pub(super) async fn run(
    fleet: &FleetConnection,
    group: &Group,
    output: &mut Output,
) -> Result<(), ProducerError> {
    let (state, queue) = (group.state().await?, fleet.queue.attributes().await?);
    FleetStatus::new(group.name(), state, queue.waiting, queue.hidden).write(output)
}

#[cfg(test)]
mod tests {
    use tilefleet_common::aws::GroupMachine;

    use super::*;
    use crate::cli::printed;

    fn printed_status(state: GroupState) -> String {
        let status = FleetStatus::new("t-workers", state, 40, 3);
        [Format::Table, Format::Ndjson]
            .map(|format| printed(format, |output| status.write(output)))
            .concat()
    }

    #[test]
    fn a_fleet_that_runs_shows_its_machines_and_their_protection() {
        let machine = |id: u32, lifecycle: &str| GroupMachine {
            id: format!("i-{id}"),
            lifecycle: lifecycle.to_owned(),
            protected: id == 1,
        };
        insta::assert_snapshot!(printed_status(GroupState {
            desired: 2,
            least: 0,
            most: 10,
            machines: vec![
                machine(1, "InService"),
                machine(2, "InService"),
                machine(3, "Terminating:Wait"),
            ],
            suspended: ["AZRebalance".to_owned()].into(),
        }));
    }

    #[test]
    fn a_stopped_fleet_says_how_to_start_it() {
        insta::assert_snapshot!(printed_status(GroupState {
            most: 10,
            suspended: ["AZRebalance", "AlarmNotification", "Launch"]
                .map(str::to_owned)
                .into(),
            ..GroupState::default()
        }));
    }
}
