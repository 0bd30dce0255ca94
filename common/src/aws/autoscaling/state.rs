//! What a group has, and which of its processes are suspended.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::{Activity, AutoScalingGroup, Instance, ScalingActivityStatusCode};
use jiff::Timestamp;

/// The processes whose suspension stops a group: it launches no machine, and its scaling alarms
/// change nothing (Amazon EC2 Auto Scaling user guide, "Suspend and resume processes").
pub(super) const STOPPING: [&str; 2] = ["Launch", "AlarmNotification"];

/// The state of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupState {
    /// The number of machines that Auto Scaling keeps running.
    pub desired: u32,
    /// The smallest number that `desired` may have.
    pub least: u32,
    /// The largest number that `desired` may have.
    pub most: u32,
    /// Its machines, those that end included.
    pub machines: Vec<GroupMachine>,
    /// Names of its suspended processes.
    pub suspended: BTreeSet<String>,
}

/// A machine of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMachine {
    /// Its instance id.
    pub id: String,
    /// Its lifecycle state, such as `InService` or `Terminating:Wait`.
    pub lifecycle: String,
    /// Whether it is protected from scale-in.
    pub protected: bool,
}

/// What a group did, or tried to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalingActivity {
    /// What it was, such as "Launching a new EC2 instance".
    pub description: String,
    /// Its state, such as `Successful` or `Failed`.
    pub status: String,
    /// Why it has this state, in the service's words; empty if it says nothing.
    pub message: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
}

impl GroupState {
    pub(super) fn parse(group: &AutoScalingGroup) -> Self {
        let number = |number: Option<i32>| {
            number
                .and_then(|number| number.try_into().ok())
                .unwrap_or(0)
        };
        Self {
            desired: number(group.desired_capacity()),
            least: number(group.min_size()),
            most: number(group.max_size()),
            machines: group.instances().iter().map(GroupMachine::parse).collect(),
            suspended: group
                .suspended_processes()
                .iter()
                .filter_map(|process| process.process_name().map(str::to_owned))
                .collect(),
        }
    }

    /// Whether somebody stopped the group: a process is suspended without which it does not grow.
    pub fn is_stopped(&self) -> bool {
        !self.stopped_by().is_empty()
    }

    /// The suspended processes that stop the group, in words; empty if it is not stopped. The fleet
    /// keeps others suspended all the time.
    pub fn stopped_by(&self) -> String {
        let suspended = STOPPING
            .into_iter()
            .filter(|process| self.suspended.contains(*process));
        suspended.collect::<Vec<_>>().join(" and ")
    }

    /// Machines that are in service.
    pub fn in_service(&self) -> usize {
        self.machines
            .iter()
            .filter(|machine| machine.is_in_service())
            .count()
    }

    /// Machines that are protected from scale-in.
    pub fn protected(&self) -> usize {
        self.machines
            .iter()
            .filter(|machine| machine.protected)
            .count()
    }

    /// How many machines are in each lifecycle state.
    pub fn lifecycle(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for machine in &self.machines {
            *counts.entry(machine.lifecycle.clone()).or_default() += 1;
        }
        counts
    }
}

impl GroupMachine {
    fn parse(instance: &Instance) -> Self {
        let lifecycle = instance.lifecycle_state();
        Self {
            id: instance.instance_id().unwrap_or_default().to_owned(),
            lifecycle: lifecycle.map_or_else(String::new, |state| state.as_str().to_owned()),
            protected: instance.protected_from_scale_in().unwrap_or(false),
        }
    }

    /// Whether it is in service.
    pub fn is_in_service(&self) -> bool {
        self.lifecycle == "InService"
    }

    /// Whether it ends already.
    pub fn is_ending(&self) -> bool {
        self.lifecycle.starts_with("Terminat")
    }
}

impl ScalingActivity {
    pub(super) fn parse(activity: &Activity) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            description: text(activity.description()),
            status: text(
                activity
                    .status_code()
                    .map(ScalingActivityStatusCode::as_str),
            ),
            message: text(activity.status_message()),
            started_at: activity
                .start_time()
                .and_then(|moment| Timestamp::from_second(moment.secs()).ok()),
        }
    }
}
