//! A local AWS endpoint on a free loopback port, as a child process.
//!
//! If `AWS_ENDPOINT_URL` is set, that endpoint is used and nothing is started.

use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::fleet::process::{Process, Termination, tied};
use crate::layout;
use crate::poll::{BOUND, PAUSE};

/// The region of everything local; the same as the Sentinel-2 bucket's, where a real fleet runs
/// too.
pub const REGION: &str = "eu-central-1";

/// Names the program to start instead of `.venv/bin/ministack`. It gets its port in the same
/// variables.
pub const COMMAND_VARIABLE: &str = "TILEFLEET_ENDPOINT_COMMAND";

const SAVE_GRACE: Duration = Duration::from_secs(20);
const STARTS: u32 = 5;

/// How to start an endpoint.
#[derive(Debug, Clone, Default)]
pub struct EndpointOptions {
    /// The state is loaded from this directory and kept there.
    pub state: Option<PathBuf>,
    /// The port to take if it is free.
    pub port: Option<u16>,
}

/// A running AWS endpoint.
#[derive(Debug)]
pub struct Endpoint {
    url: String,
    access_key: String,
    secret_key: String,
    port: Option<u16>,
    process: Option<Process>,
    /// Services that run in a process of their own.
    apart: Vec<(Service, Endpoint)>,
}

/// A service that may run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The ledger's.
    DynamoDb,
    /// The buckets'.
    S3,
}

impl Service {
    /// Both.
    pub const ALL: [Self; 2] = [Self::DynamoDb, Self::S3];

    /// Its name for people and directories.
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::S3 => "s3",
        }
    }

    /// The variable that names its address to AWS SDKs ("Service-specific endpoints", AWS SDKs and
    /// Tools reference guide).
    fn variable(self) -> &'static str {
        match self {
            Self::DynamoDb => "AWS_ENDPOINT_URL_DYNAMODB",
            Self::S3 => "AWS_ENDPOINT_URL_S3",
        }
    }
}

impl Endpoint {
    /// The one endpoint of this process: the caller's, or one that is started now and lives as long
    /// as the process.
    ///
    /// Runners that give every test a process (nextest) thereby give every test an endpoint; under
    /// `cargo test` the tests of a binary share one, and keep apart by the prefix of their
    /// resources.
    ///
    /// # Errors
    ///
    /// When none can be started. Every later call returns the same error.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Endpoint, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| {
                let start = || {
                    let directory = layout::run_directory(&layout::unique_name("endpoint"))?;
                    Self::start(&directory, &EndpointOptions::default())
                };
                Self::of_caller()
                    .map_or_else(start, Ok)
                    .map_err(|error| format!("{error:#}"))
            })
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    /// The endpoint that the caller named in `AWS_ENDPOINT_URL`, with the caller's credentials if
    /// there are any.
    pub fn of_caller() -> Option<Self> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let mut endpoint = Self::at(&set("AWS_ENDPOINT_URL")?);
        if let (Some(access_key), Some(secret_key)) =
            (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY"))
        {
            (endpoint.access_key, endpoint.secret_key) = (access_key, secret_key);
        }
        Some(endpoint)
    }

    /// An endpoint that runs already and accepts any credentials.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            access_key: "test".to_owned(),
            secret_key: "test".to_owned(),
            port: None,
            process: None,
            apart: Vec::new(),
        }
    }

    /// Starts one whose ledger and buckets are processes of their own, so that several processors
    /// serve. Queues and topic share one, as the topic delivers to the queues; that one runs
    /// `script` by the endpoint's Python.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::start`].
    pub fn start_apart(directory: &Path, script: &Path) -> Result<Self> {
        let options = EndpointOptions::default();
        let mut apart = Vec::new();
        for service in Service::ALL {
            apart.push((
                service,
                Self::start(&directory.join(service.name()), &options)?,
            ));
        }
        let queues = Self::start_program(
            &Program::script(script)?,
            &directory.join("queues"),
            &options,
        )?;
        Ok(Self { apart, ..queues })
    }

    /// Starts one. Its log and temporary files go to `directory`.
    ///
    /// # Errors
    ///
    /// When the program is not there, or is not healthy within the bound of any wait; the message
    /// names its log.
    pub fn start(directory: &Path, options: &EndpointOptions) -> Result<Self> {
        Self::start_program(&Program::of_environment()?, directory, options)
    }

    fn start_program(
        program: &Program,
        directory: &Path,
        options: &EndpointOptions,
    ) -> Result<Self> {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let mut preferred = options.port;
        let mut last = None;
        // Another process may take a free port before the child binds it.
        for _ in 0..STARTS {
            let port = free_port(preferred.take())?;
            match start_on(program, port, directory, options.state.as_deref()) {
                Ok(process) => {
                    let endpoint = Self::at(&format!("http://127.0.0.1:{port}"));
                    return Ok(Self {
                        port: Some(port),
                        process: Some(process),
                        ..endpoint
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| anyhow!("no start was tried")))
            .with_context(|| format!("{} does not start ({STARTS} tries)", program.path.display()))
    }

    /// Its address for the AWS SDK.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of one of its services for the AWS SDK.
    pub fn url_of(&self, service: Service) -> &str {
        self.apart
            .iter()
            .find(|(it, _)| *it == service)
            .map_or(&self.url, |(_, endpoint)| &endpoint.url)
    }

    /// The ids of its processes, by what they serve.
    pub fn processes(&self) -> Vec<(&'static str, u32)> {
        let others = self
            .apart
            .iter()
            .map(|(service, endpoint)| (service.name(), endpoint));
        let all = std::iter::once(("queues", self)).chain(others);
        all.filter_map(|(name, endpoint)| Some((name, endpoint.process.as_ref()?.pid())))
            .collect()
    }

    /// Its port, if it was started here.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Its process, if it was started here.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// The file that it logs to, if it was started here.
    pub fn log_path(&self) -> Option<&Path> {
        self.process.as_ref().and_then(Process::log_path)
    }

    /// Access key and secret that it accepts.
    pub fn credentials(&self) -> (&str, &str) {
        (&self.access_key, &self.secret_key)
    }

    /// The variables that make a program with the AWS SDK call this endpoint and nothing else.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            // The developer's own profiles must not change the tests.
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ];
        variables.extend(
            self.apart
                .iter()
                .map(|(service, endpoint)| (service.variable(), endpoint.url.clone())),
        );
        if self.process.is_some() {
            variables.push(("NO_PROXY", "127.0.0.1,localhost".to_owned()));
        }
        variables
    }
}

/// The program to start.
struct Program {
    path: PathBuf,
    script: Option<PathBuf>,
}

impl Program {
    /// The program that the environment names, or else the local default.
    fn of_environment() -> Result<Self> {
        match env::var_os(COMMAND_VARIABLE).filter(|command| !command.is_empty()) {
            Some(command) => Self::there(command.into(), None),
            None => Self::there(layout::workspace_root().join(".venv/bin/ministack"), None),
        }
    }

    /// A script for the Python of the local default.
    fn script(script: &Path) -> Result<Self> {
        Self::there(
            layout::workspace_root().join(".venv/bin/python"),
            Some(script.to_owned()),
        )
    }

    fn there(path: PathBuf, script: Option<PathBuf>) -> Result<Self> {
        if !path.is_file() {
            bail!(
                "no local endpoint at {} (run make setup, or set {COMMAND_VARIABLE})",
                path.display()
            );
        }
        Ok(Self { path, script })
    }
}

fn free_port(preferred: Option<u16>) -> Result<u16> {
    let bind = |port| TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    let listener = match preferred.map(bind) {
        Some(Ok(listener)) => listener,
        _ => bind(0).context("no free loopback port")?,
    };
    Ok(listener
        .local_addr()
        .context("cannot read the address of the free port")?
        .port())
}

fn start_on(
    program: &Program,
    port: u16,
    directory: &Path,
    state: Option<&Path>,
) -> Result<Process> {
    let log_path = directory.join("endpoint.log");
    let log =
        File::create(&log_path).with_context(|| format!("cannot create {}", log_path.display()))?;
    // A health report repeats the edition. It tells our own child apart from another process that
    // took the port first.
    let edition = layout::unique_name("tilefleet");
    let termination = if state.is_some() {
        Termination::saving(SAVE_GRACE)
    } else {
        Termination::KILL
    };

    let mut command = tied(&program.path, termination);
    command.args(&program.script).env_clear();
    // The rest of the environment may configure an endpoint of the developer's.
    command.envs(
        env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME" || name == "LANG"),
    );
    command
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_REGION", REGION)
        .env("MINISTACK_EDITION", &edition)
        .env("TMPDIR", directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("cannot share the endpoint's log")?)
        .stderr(log);
    if let Some(state) = state {
        command
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", state)
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", state.join("s3"));
    }
    // Ctrl-C in a terminal goes to the whole process group. The endpoint must outlive the processes
    // that still use it.
    command.process_group(0);

    let mut process = Process::start("the local endpoint", command, Some(&log_path), termination)?;
    let end = Instant::now() + BOUND;
    loop {
        process.still_runs()?;
        let health = health(port);
        if health
            .is_ok_and(|body| env::var_os(COMMAND_VARIABLE).is_some() || body.contains(&edition))
        {
            return Ok(process);
        }
        if Instant::now() >= end {
            bail!(
                "not healthy after {} s; {}",
                BOUND.as_secs(),
                process.last_words()
            );
        }
        thread::sleep(PAUSE);
    }
}

fn health(port: u16) -> Result<String> {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let mut stream = TcpStream::connect_timeout(&address.into(), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(
        b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer
        .lines()
        .next()
        .is_some_and(|line| line.contains(" 200"))
    {
        Ok(answer)
    } else {
        bail!("the health report is not 200")
    }
}
