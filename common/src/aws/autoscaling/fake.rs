//! A group for tests, which carries out what it is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::group::Group;
use crate::aws::canned::{self, Log, Request, Response};

#[derive(Debug, Default)]
struct State {
    desired: u32,
    least: u32,
    most: u32,
    machines: Vec<FakeMachine>,
    suspended: Vec<String>,
    launched: u32,
    denied: Option<String>,
}

#[derive(Debug, Clone)]
struct FakeMachine {
    id: String,
    stage: &'static str,
    protected: bool,
}

/// A group whose machines end in stages, as Auto Scaling's lifecycle does.
#[derive(Debug)]
pub(super) struct FakeGroup {
    state: Arc<Mutex<State>>,
    group: Group,
    log: Log,
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeGroup {
    /// A group of this many machines in service, all of them wanted.
    pub(super) fn with_machines(machines: u32, least: u32, most: u32) -> Self {
        let state = State {
            desired: machines.max(least),
            least,
            most,
            machines: (0..machines)
                .map(|number| FakeMachine {
                    id: format!("i-{number}"),
                    stage: "InService",
                    protected: false,
                })
                .collect(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let served = Arc::clone(&state);
        let (client, log) = canned::client(move |_, request| locked(&served).answer(request));
        let config = canned::config!(aws_sdk_autoscaling, client).build();
        let client = aws_sdk_autoscaling::Client::from_conf(config);
        Self {
            state,
            group: Group::new(client, "workers".into()),
            log,
        }
    }

    pub(super) fn group(&self) -> Group {
        self.group.clone()
    }

    pub(super) fn want(&self, desired: u32) {
        locked(&self.state).desired = desired;
    }

    pub(super) fn suspend(&self, process: &str) {
        locked(&self.state).suspended.push(process.to_owned());
    }

    pub(super) fn deny(&self, action: &str) {
        locked(&self.state).denied = Some(action.to_owned());
    }

    pub(super) fn protect_all(&self) {
        for machine in &mut locked(&self.state).machines {
            machine.protected = true;
        }
    }

    /// Puts a machine back to the stage before it is in service, in which it cannot be ended.
    pub(super) fn keep_launching(&self, id: &str) {
        for machine in &mut locked(&self.state).machines {
            if machine.id == id {
                machine.stage = "Pending";
            }
        }
    }

    /// Machines that launch get in service, and those that end are gone. Launches what is missing.
    pub(super) fn machines_pass_one_stage(&self) {
        let mut state = locked(&self.state);
        state
            .machines
            .retain(|machine| machine.stage != "Terminating:Wait");
        for machine in &mut state.machines {
            machine.stage = "InService";
        }
        state.launch();
    }

    /// Machines that were launched to replace others.
    pub(super) fn launched(&self) -> u32 {
        locked(&self.state).launched
    }

    /// The actions so far, in order.
    pub(super) fn actions(&self) -> Vec<String> {
        let requests = self.log.requests();
        requests
            .iter()
            .map(|request| field(request, "Action"))
            .collect()
    }

    pub(super) fn actions_of(&self, name: &str) -> usize {
        self.actions()
            .iter()
            .filter(|action| *action == name)
            .count()
    }

    /// How many machines each call to remove protection named.
    pub(super) fn protection_batches(&self) -> Vec<usize> {
        let requests = self.log.requests();
        requests
            .iter()
            .filter(|request| field(request, "Action") == "SetInstanceProtection")
            .map(|request| members(request, "InstanceIds").len())
            .collect()
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let action = field(request, "Action");
        if self.denied.as_ref() == Some(&action) {
            return failure(403, "AccessDenied");
        }
        match action.as_str() {
            "DescribeAutoScalingGroups" => return self.describe(),
            "SuspendProcesses" => self.suspended.extend(members(request, "ScalingProcesses")),
            "ResumeProcesses" => {
                let resumed = members(request, "ScalingProcesses");
                self.suspended.retain(|process| !resumed.contains(process));
                self.launch();
            }
            "SetDesiredCapacity" => {
                self.desired = field(request, "DesiredCapacity").parse().unwrap();
                self.launch();
            }
            "SetInstanceProtection" => {
                let named = members(request, "InstanceIds");
                for machine in &mut self.machines {
                    machine.protected &= !named.contains(&machine.id);
                }
            }
            "TerminateInstanceInAutoScalingGroup" if !self.end(request) => {
                return failure(400, "ScalingActivityInProgress");
            }
            _ => {}
        }
        let text = format!("<{action}Response><{action}Result/></{action}Response>");
        (200, headers(), text.into_bytes())
    }

    fn end(&mut self, request: &Request) -> bool {
        let id = field(request, "InstanceId");
        let fewer = field(request, "ShouldDecrementDesiredCapacity") == "true";
        let machine = self.machines.iter_mut().find(|machine| machine.id == id);
        let Some(machine) = machine.filter(|machine| machine.stage == "InService") else {
            return false;
        };
        if fewer && self.desired == self.least {
            return false;
        }
        machine.stage = "Terminating:Wait";
        self.desired -= u32::from(fewer);
        self.launch();
        true
    }

    /// Replaces machines that end, unless launching is suspended.
    fn launch(&mut self) {
        if self.suspended.iter().any(|process| process == "Launch") {
            return;
        }
        let live = self
            .machines
            .iter()
            .filter(|machine| machine.stage != "Terminating:Wait")
            .count();
        for _ in live..usize::try_from(self.desired).unwrap() {
            self.launched += 1;
            self.machines.push(FakeMachine {
                id: format!("i-new-{}", self.launched),
                stage: "Pending",
                protected: false,
            });
        }
    }

    fn describe(&self) -> Response {
        let machines: Vec<String> = self
            .machines
            .iter()
            .map(|FakeMachine { id, stage, protected }| {
                format!(
                    "<member><InstanceId>{id}</InstanceId><LifecycleState>{stage}</LifecycleState>\
                     <ProtectedFromScaleIn>{protected}</ProtectedFromScaleIn></member>"
                )
            })
            .collect();
        let suspended: Vec<String> = self
            .suspended
            .iter()
            .map(|process| format!("<member><ProcessName>{process}</ProcessName></member>"))
            .collect();
        let Self {
            desired,
            least,
            most,
            ..
        } = self;
        let (machines, suspended) = (machines.concat(), suspended.concat());
        let text = format!(
            "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
             <AutoScalingGroupName>workers</AutoScalingGroupName><MinSize>{least}</MinSize><MaxSize>{most}</MaxSize>\
             <DesiredCapacity>{desired}</DesiredCapacity><Instances>{machines}</Instances>\
             <SuspendedProcesses>{suspended}</SuspendedProcesses></member></AutoScalingGroups>\
             </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
        );
        (200, headers(), text.into_bytes())
    }
}

fn headers() -> Vec<(&'static str, String)> {
    vec![("content-type", "text/xml".to_owned())]
}

fn failure(status: u16, code: &str) -> Response {
    let text = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    );
    (status, headers(), text.into_bytes())
}

fn field(request: &Request, name: &str) -> String {
    let fields = request
        .body
        .split('&')
        .filter_map(|field| field.split_once('='));
    fields
        .filter(|(field, _)| *field == name)
        .map(|(_, value)| value.to_owned())
        .next()
        .unwrap_or_default()
}

/// The members of a list.
fn members(request: &Request, list: &str) -> Vec<String> {
    let start = format!("{list}.member.");
    let fields = request
        .body
        .split('&')
        .filter_map(|field| field.split_once('='));
    fields
        .filter(|(field, _)| field.starts_with(&start))
        .map(|(_, value)| value.to_owned())
        .collect()
}
