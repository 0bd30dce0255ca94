//! An EC2 instance as a worker sees it, served on loopback: instance metadata (version 2 only) and
//! the Auto Scaling calls of a machine, which the local endpoint does not know.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};

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
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
        let url = format!(
            "http://{}",
            listener
                .local_addr()
                .context("cannot read the address of the free port")?
        );
        let instance = Self {
            url,
            state: Arc::default(),
        };
        instance.announce("instance-id", INSTANCE_ID);
        instance.announce("autoscaling/target-lifecycle-state", "InService");
        let state = Arc::clone(&instance.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    // A client may close its connection at any time.
                    let _ = serve(&stream, &state);
                });
            }
        });
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

/// Answers one request and closes the connection.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let token = headers.get("x-aws-ec2-metadata-token").map(String::as_str);
    let (status, kind, text) = answer(
        method,
        path,
        token,
        &String::from_utf8_lossy(&body),
        &mut locked(state),
    );
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\
         x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n{text}",
        text.len()
    )
}

fn answer(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
    state: &mut State,
) -> (u16, &'static str, String) {
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
    let fields: BTreeMap<String, String> = body
        .split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let action = fields.get("Action").cloned().unwrap_or_default();
    state.calls.push(fields);
    if state.refuses {
        let text = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        return (403, "text/xml", text.to_owned());
    }
    (200, "text/xml", format!("<{action}Response/>"))
}
