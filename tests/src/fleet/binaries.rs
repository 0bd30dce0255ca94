//! The built binaries, with the environment of a stack.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::aws::stack::Stack;
use crate::fleet::process::{Process, Termination, tied};
use crate::layout;
use crate::poll::BOUND;

/// Seconds that a service has for an answer, unless a test says otherwise. A busy machine is no
/// fault.
const PATIENCE_S: &str = "60";

/// A run of a binary that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command, as a user types it.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote on stdout.
    pub stdout: String,
    /// What it wrote on stderr.
    pub stderr: String,
}

impl Finished {
    /// The exit code; a signal counts as 128 + its number, as shells have it.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// Returns itself if it ended with this code.
    ///
    /// # Errors
    ///
    /// With everything it wrote.
    pub fn expect_code(&self, code: i32) -> Result<&Self> {
        if self.code() != code {
            bail!("expected exit code {code}: {}", self.story());
        }
        Ok(self)
    }

    /// The JSON document on its stdout.
    ///
    /// # Errors
    ///
    /// With everything it wrote, if that is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("no JSON on stdout: {}", self.story()))
    }

    /// Command, code and output, for a failure message.
    pub fn story(&self) -> String {
        format!(
            "`{}` ended with {}\n--- stdout\n{}--- stderr\n{}",
            self.command, self.status, self.stdout, self.stderr
        )
    }
}

/// Starts `producer` and `worker` with the environment of one stack. Their output is kept in a
/// directory.
#[derive(Debug)]
pub struct Fleet {
    environment: Vec<(OsString, OsString)>,
    binaries: PathBuf,
    logs: PathBuf,
    runs: AtomicU32,
}

impl Fleet {
    /// The binaries next to this executable, with logs under `target/e2e/<stack's prefix>`.
    ///
    /// # Errors
    ///
    /// When the directory cannot be created.
    pub fn new(stack: &Stack) -> Result<Self> {
        let logs = layout::run_directory(&stack.prefix)?;
        Self::with_logs(stack, &logs)
    }

    /// As [`Fleet::new`], with logs in a directory of the caller's.
    ///
    /// # Errors
    ///
    /// When the directory of the binaries is unknown.
    pub fn with_logs(stack: &Stack, logs: &Path) -> Result<Self> {
        Ok(Self {
            environment: environment(stack),
            binaries: layout::binaries_directory()?,
            logs: logs.to_path_buf(),
            runs: AtomicU32::new(0),
        })
    }

    /// Sets one more variable, or another value of one of the stack's.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets several.
    #[must_use]
    pub fn with_all(self, variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        variables
            .into_iter()
            .fold(self, |fleet, (name, value)| fleet.with(name, value))
    }

    /// Where the logs and captured output are.
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// Runs `producer` to its end.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not end. Any exit code is a success here.
    pub async fn producer(&self, arguments: &[&str]) -> Result<Finished> {
        self.run("producer", arguments, "").await
    }

    /// Runs `worker` to its end.
    ///
    /// # Errors
    ///
    /// As [`Fleet::producer`].
    pub async fn worker(&self, arguments: &[&str]) -> Result<Finished> {
        self.run("worker", arguments, "").await
    }

    /// Runs a binary to its end, with this on its stdin.
    ///
    /// # Errors
    ///
    /// As [`Fleet::producer`].
    pub async fn run(&self, name: &str, arguments: &[&str], stdin: &str) -> Result<Finished> {
        self.run_for(name, arguments, stdin, BOUND).await
    }

    /// As [`Fleet::run`], with a bound of its own.
    ///
    /// # Errors
    ///
    /// As [`Fleet::producer`].
    pub async fn run_for(
        &self,
        name: &str,
        arguments: &[&str],
        stdin: &str,
        bound: Duration,
    ) -> Result<Finished> {
        let stem = self.next_stem(name, arguments);
        // Files instead of pipes: no process blocks on a full pipe, and the output can be read
        // after a test failed.
        let file = |ending: &str| self.logs.join(format!("{stem}.{ending}"));
        fs::write(file("in"), stdin)
            .with_context(|| format!("cannot write {}", file("in").display()))?;
        let mut command = self.command(name, arguments, Termination::KILL)?;
        command
            .stdin(File::open(file("in")).context("cannot open the input")?)
            .stdout(create(&file("out"))?)
            .stderr(create(&file("err"))?);
        let mut process = Process::start(name, command, Some(&file("err")), Termination::KILL)?;
        let status = process.wait(bound).await?;
        let read = |ending: &str| -> Result<String> {
            let bytes = fs::read(file(ending))
                .with_context(|| format!("cannot read {}", file(ending).display()))?;
            String::from_utf8(bytes)
                .with_context(|| format!("{} is not UTF-8", file(ending).display()))
        };
        Ok(Finished {
            command: typed(name, arguments),
            status,
            stdout: read("out")?,
            stderr: read("err")?,
        })
    }

    /// Starts a binary in the background. Its stdout and stderr go to one log file.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(&self, name: &str, arguments: &[&str]) -> Result<Process> {
        let log = self
            .logs
            .join(format!("{}.log", self.next_stem(name, arguments)));
        self.start_logging_to(name, arguments, &log, Termination::KILL)
    }

    /// As [`Fleet::start`], with the caller's log file and termination.
    ///
    /// # Errors
    ///
    /// As [`Fleet::start`].
    pub fn start_logging_to(
        &self,
        name: &str,
        arguments: &[&str],
        log: &Path,
        termination: Termination,
    ) -> Result<Process> {
        let out = create(log)?;
        let mut command = self.command(name, arguments, termination)?;
        command
            .stdin(Stdio::null())
            .stderr(out.try_clone().context("cannot share a log")?)
            .stdout(out)
            // Ctrl-C in the terminal reaches only this process, which then ends its children in
            // order.
            .process_group(0);
        Process::start(&typed(name, arguments), command, Some(log), termination)
    }

    /// The command for a binary with the stack's environment, tied to this process. Streams are the
    /// caller's.
    ///
    /// # Errors
    ///
    /// When the binary is not there.
    pub fn command(
        &self,
        name: &str,
        arguments: &[&str],
        termination: Termination,
    ) -> Result<Command> {
        Ok(self.command_of(
            &layout::binary(&self.binaries, name)?,
            arguments,
            termination,
        ))
    }

    /// As [`Fleet::command`], for any program.
    pub fn command_of(
        &self,
        program: &Path,
        arguments: &[&str],
        termination: Termination,
    ) -> Command {
        let mut command = tied(program, termination);
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn next_stem(&self, name: &str, arguments: &[&str]) -> String {
        let count = self.runs.fetch_add(1, Ordering::Relaxed);
        match arguments
            .first()
            .filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric()))
        {
            Some(word) => format!("{count:03}-{name}-{word}"),
            None => format!("{count:03}-{name}"),
        }
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot create {}", path.display()))
}

/// A command as a user types it.
pub(crate) fn typed(name: &str, arguments: &[&str]) -> String {
    [&[name], arguments].concat().join(" ")
}

/// This process's environment without what could configure the binaries, and the stack's on top.
fn environment(stack: &Stack) -> Vec<(OsString, OsString)> {
    let configures = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.starts_with("AWS_") || name.starts_with("TILEFLEET_")
    };
    let mut variables: Vec<_> = env::vars_os()
        .filter(|(name, _)| !configures(name))
        .collect();
    variables.extend(
        stack
            .environment()
            .into_iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value))),
    );
    variables.push(("TILEFLEET_FAULT_LIMIT".into(), PATIENCE_S.into()));
    variables
}
