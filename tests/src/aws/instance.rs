//! An EC2 instance as a worker sees it, served on loopback: instance metadata (version 2 only) and
//! the Auto Scaling calls of a machine, which the local endpoint does not know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::loopback::{self, Request, Response};

const TOKEN: &str = "a-session-token";

/// The instance's id.
pub const INSTANCE_ID: &str = "i-0123456789abcdef0";
/// The name of its group.
pub const GROUP: &str = "some-workers";
/// The name of the hook in which the group waits for it.
pub const HOOK: &str = "some-drain";

/// The instance. It lives as long as the process.
#[derive(Debug, Clone)]
pub struct Instance {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    metadata: BTreeMap<String, String>,
    calls: Vec<BTreeMap<String, String>>,
    refuses: bool,
}

impl Instance {
    /// An instance without any announcement in its metadata.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub fn start() -> Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let served = Arc::clone(&state);
        let url = loopback::serve(move |request| answer(request, &mut locked(&served)))?;
        let instance = Self { url, state };
        instance.announce("instance-id", INSTANCE_ID);
        instance.announce("autoscaling/target-lifecycle-state", "InService");
        Ok(instance)
    }

    /// The variables that make a worker believe that it runs on this instance.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_EC2_METADATA_DISABLED", "false".to_owned()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.url.clone()),
            ("AWS_ENDPOINT_URL_AUTO_SCALING", self.url.clone()),
            ("TILEFLEET_AUTOSCALING_GROUP", GROUP.to_owned()),
            ("TILEFLEET_LIFECYCLE_HOOK", HOOK.to_owned()),
        ]
    }

    /// Sets an item of the metadata.
    pub fn announce(&self, path: &str, text: &str) {
        locked(&self.state)
            .metadata
            .insert(path.to_owned(), text.to_owned());
    }

    /// Denies every Auto Scaling call from now on.
    pub fn refuse(&self) {
        locked(&self.state).refuses = true;
    }

    /// The Auto Scaling calls so far, each as its fields; one field is `Action`.
    pub fn calls(&self) -> Vec<BTreeMap<String, String>> {
        locked(&self.state).calls.clone()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(request: Request, state: &mut State) -> Response {
    let Request {
        method,
        path,
        headers,
        fields,
    } = request;
    let (method, path) = (method.as_str(), path.as_str());
    let token = headers.get("x-aws-ec2-metadata-token").map(String::as_str);
    if (method, path) == ("PUT", "/latest/api/token") {
        return (200, "text/plain", TOKEN.to_owned());
    }
    if let ("GET", Some(item)) = (method, path.strip_prefix("/latest/meta-data/")) {
        if token != Some(TOKEN) {
            return (401, "text/plain", String::new());
        }
        return match state.metadata.get(item) {
            Some(text) => (200, "text/plain", text.clone()),
            None => (404, "text/plain", String::new()),
        };
    }
    let action = fields.get("Action").cloned().unwrap_or_default();
    state.calls.push(fields);
    if state.refuses {
        let text = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        return (403, "text/xml", text.to_owned());
    }
    (200, "text/xml", format!("<{action}Response/>"))
}
