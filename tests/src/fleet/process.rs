//! Children that cannot outlive this process, however it ends.
//!
//! Drop covers the orderly ends. For the others (SIGKILL, abort, a test runner's timeout) the
//! kernel signals the child when its parent dies. `setpriv` of util-linux sets that up, because
//! code between fork and exec would be unsafe.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::poll::{PAUSE, eventually};

/// How a child is made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination {
    on_parent_death: &'static str,
    grace: Duration,
}

impl Termination {
    /// SIGKILL, whether it is dropped or this process dies.
    pub const KILL: Self = Self {
        on_parent_death: "KILL",
        grace: Duration::ZERO,
    };

    /// When dropped, it gets SIGTERM and has this long to end. SIGKILL when this process dies.
    pub const fn orderly(grace: Duration) -> Self {
        Self {
            on_parent_death: "KILL",
            grace,
        }
    }

    /// As [`Termination::orderly`], and SIGTERM also when this process dies: for a child that has a
    /// state to save.
    pub const fn saving(grace: Duration) -> Self {
        Self {
            on_parent_death: "TERM",
            grace,
        }
    }
}

/// What a child runs before its program: this process may have died before the kernel knew that it
/// has to signal the child.
const UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// A command for `program` that is ended as `termination` says when this process dies.
pub fn tied(program: &Path, termination: Termination) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            termination.on_parent_death,
            "--",
            "/bin/sh",
            "-c",
            UNLESS_ORPHANED,
        ])
        .arg(std::process::id().to_string())
        .arg(program);
    command
}

struct Order {
    command: Command,
    reply: SyncSender<io::Result<Child>>,
}

/// Starts a command that [`tied`] made.
///
/// The kernel signals when the parent's *thread* dies. So one thread starts all children and lives
/// as long as the process; the thread of a test or of a runtime would end a shared endpoint.
///
/// # Errors
///
/// When the command cannot be started.
pub fn spawn(command: Command) -> Result<Child> {
    static ORDERS: OnceLock<Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for mut order in receiver {
                // A reply without a receiver has no use: its caller is gone.
                let _ = order.reply.send(order.command.spawn());
            }
        });
        sender
    });
    let (reply, answer) = mpsc::sync_channel(1);
    orders
        .send(Order { command, reply })
        .map_err(|_| anyhow!("the thread that starts children is gone"))?;
    answer
        .recv()
        .context("the thread that starts children is gone")?
        .context("cannot start setpriv (Debian package util-linux)")
}

/// A running child. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Option<PathBuf>,
    termination: Termination,
}

impl Process {
    /// Starts `command`, made by [`tied`] with the same termination. `log` is the file its output
    /// goes to, if it does.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(
        name: &str,
        command: Command,
        log: Option<&Path>,
        termination: Termination,
    ) -> Result<Self> {
        let child = spawn(command).with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.map(Path::to_path_buf),
            termination,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file that its output goes to.
    pub fn log_path(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// What it has written so far; empty if there is nothing to read.
    pub fn log(&self) -> String {
        let bytes = self
            .log
            .as_ref()
            .and_then(|log| fs::read(log).ok())
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its name, log file and last words, for a failure message.
    pub fn last_words(&self) -> String {
        let Some(path) = &self.log else {
            return self.name.clone();
        };
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("{} (log {}):\n{tail}", self.name, path.display())
    }

    /// Sends it a signal, unless it has ended.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // It is not reaped yet, so its id still belongs to it.
        if self.exited()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.pid()).context("process id out of range")?;
        signal::kill(Pid::from_raw(pid), signal)
            .with_context(|| format!("cannot signal {}", self.name))
    }

    /// Kills it without warning, as the end of a Spot instance would.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGKILL)?;
        self.child
            .wait()
            .with_context(|| format!("cannot wait for {}", self.name))
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// When the system returns an error.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("cannot read the status of {}", self.name))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    ///
    /// When it still runs after `bound`; the message carries its last words.
    pub async fn wait(&mut self, bound: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        match eventually(&what, bound, async || self.exited()).await {
            Ok(status) => Ok(status),
            Err(error) => Err(error.context(self.last_words())),
        }
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    ///
    /// With its status and last words.
    pub fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.exited()? {
            bail!("{} ended early, {status}; {}", self.name, self.last_words());
        }
        Ok(())
    }

    /// Sends SIGTERM, waits at most `grace` for its end, then kills it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn stop(&mut self, grace: Duration) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        let end = Instant::now() + grace;
        while Instant::now() < end {
            if let Some(status) = self.exited()? {
                return Ok(status);
            }
            thread::sleep(PAUSE);
        }
        self.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A failure has no consequence here: the kernel ends the child with this process.
        let grace = self.termination.grace;
        let _ = if grace.is_zero() {
            self.kill()
        } else {
            self.stop(grace)
        };
    }
}
