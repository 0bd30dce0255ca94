//! An Auto Scaling group with machines, served on loopback: the local endpoint knows neither
//! suspended processes nor protection nor the end of a single machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::loopback::{self, Request, Response};

/// The group's name.
pub const NAME: &str = "some-workers";

/// A group that carries out what it is told. A machine that ends is there for one more look.
#[derive(Debug, Clone)]
pub struct MachineGroup {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    desired: u32,
    least: u32,
    /// Lifecycle state by instance id.
    machines: BTreeMap<String, &'static str>,
    suspended: BTreeSet<String>,
    calls: Vec<BTreeMap<String, String>>,
}

impl MachineGroup {
    /// A group of `machines`, all of them in service, wanted and protected; at least `least`.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn start(machines: u32, least: u32) -> Result<Self> {
        let state = State {
            desired: machines,
            least,
            machines: (0..machines)
                .map(|number| (format!("i-{number}"), "InService"))
                .collect(),
            suspended: ["AZRebalance".to_owned()].into(),
            calls: vec![],
        };
        let state = Arc::new(Mutex::new(state));
        let served = Arc::clone(&state);
        let url = loopback::serve(move |request| locked(&served).answer(request))?;
        Ok(Self { url, state })
    }

    /// The variables that make the producer use this group.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL_AUTO_SCALING", self.url.clone()),
            ("TILEFLEET_AUTOSCALING_GROUP", NAME.to_owned()),
        ]
    }

    /// The number of machines that it wants, and of those that it has.
    pub fn size(&self) -> (u32, usize) {
        let state = locked(&self.state);
        (state.desired, state.machines.len())
    }

    /// How often an action was called.
    pub fn calls(&self, action: &str) -> usize {
        let state = locked(&self.state);
        let calls = state.calls.iter();
        calls
            .filter(|call| call.get("Action").is_some_and(|name| name == action))
            .count()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, request: Request) -> Response {
        let fields = request.fields;
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let members = |list: &str| {
            let start = format!("{list}.member.");
            let named = fields
                .iter()
                .filter(move |(name, _)| name.starts_with(&start));
            named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let action = field("Action");
        let mut result = format!("<{action}Result/>");
        match action.as_str() {
            "DescribeAutoScalingGroups" => result = self.describe(),
            "SuspendProcesses" => self.suspended.extend(members("ScalingProcesses")),
            "ResumeProcesses" => {
                for process in members("ScalingProcesses") {
                    self.suspended.remove(&process);
                }
            }
            "SetDesiredCapacity" => {
                self.desired = field("DesiredCapacity").parse().unwrap_or_default();
            }
            "TerminateInstanceInAutoScalingGroup" => {
                let fewer = field("ShouldDecrementDesiredCapacity") == "true";
                if fewer && self.desired == self.least {
                    return refused("ValidationError");
                }
                self.desired -= u32::from(fewer);
                self.machines
                    .insert(field("InstanceId"), "Terminating:Wait");
            }
            _ => {}
        }
        self.calls.push(fields);
        let text = format!("<{action}Response>{result}</{action}Response>");
        (200, "text/xml", text)
    }

    fn describe(&mut self) -> String {
        let machines: Vec<String> = self
            .machines
            .iter()
            .map(|(id, lifecycle)| {
                format!(
                    "<member><InstanceId>{id}</InstanceId><LifecycleState>{lifecycle}</LifecycleState>\
                     <ProtectedFromScaleIn>true</ProtectedFromScaleIn></member>"
                )
            })
            .collect();
        let suspended: Vec<String> = self
            .suspended
            .iter()
            .map(|process| format!("<member><ProcessName>{process}</ProcessName></member>"))
            .collect();
        self.machines
            .retain(|_, lifecycle| *lifecycle == "InService");
        let (machines, suspended) = (machines.concat(), suspended.concat());
        let Self { desired, least, .. } = self;
        format!(
            "<DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
             <AutoScalingGroupName>{NAME}</AutoScalingGroupName><MinSize>{least}</MinSize><MaxSize>10</MaxSize>\
             <DesiredCapacity>{desired}</DesiredCapacity><Instances>{machines}</Instances>\
             <SuspendedProcesses>{suspended}</SuspendedProcesses></member></AutoScalingGroups>\
             </DescribeAutoScalingGroupsResult>"
        )
    }
}

fn refused(code: &str) -> Response {
    let text = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    );
    (400, "text/xml", text)
}
