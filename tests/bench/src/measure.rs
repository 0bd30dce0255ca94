//! The cost of a command, as the operating system counts it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// The cost of one run of a command with all its children.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds of processor time, user and system.
    pub(crate) cpu: f64,
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Largest resident set of one process, in MB (10⁶ bytes).
    pub(crate) peak: f64,
    /// Size of its output, in MB.
    #[serde(default)]
    pub(crate) output: f64,
}

/// One figure of a cost.
pub(crate) type Figure = fn(&Cost) -> f64;

/// A command to measure.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Its output; removed before and after.
    pub(crate) output: PathBuf,
}

impl Job {
    /// Runs it in a process of its own, because the operating system reports only the sum over all
    /// children of a process.
    pub(crate) fn run(&self) -> Result<Cost> {
        let _ = std::fs::remove_file(&self.output);
        let name = || format!("{} {}", self.program.display(), self.arguments.join(" "));
        let measured = Command::new(std::env::current_exe()?)
            .arg("measure")
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            // Each program with its own default for threads.
            .env_remove("GDAL_NUM_THREADS")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", name()))?;
        ensure!(
            measured.status.success(),
            "{} ended with {}: {}",
            name(),
            measured.status,
            String::from_utf8_lossy(&measured.stderr).trim()
        );
        let mut cost: Cost = serde_json::from_slice(&measured.stdout)?;
        let made = std::fs::metadata(&self.output);
        cost.output = megabytes(
            made.with_context(|| format!("{} made nothing", name()))?
                .len(),
        );
        std::fs::remove_file(&self.output)?;
        Ok(cost)
    }
}

/// Runs a command as the only child of this process. What it prints goes to standard error.
pub(crate) fn only_child(command: &[String]) -> Result<Cost> {
    let (program, arguments) = command.split_first().context("no command to measure")?;
    let begin = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    let wall = begin.elapsed().as_secs_f64();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} ended with {}: {}", output.status, said.trim());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    // Linux, getrusage(2): ru_maxrss is in kilobytes, that is KiB.
    let peak = megabytes(u64::try_from(usage.max_rss())? * 1024);
    Ok(Cost {
        cpu: seconds(usage.user_time()) + seconds(usage.system_time()),
        wall,
        peak,
        output: 0.0,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "hours of processor time, in microseconds, are far below 2^52"
)]
fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes of files and processes are far below 2^52 bytes"
)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
