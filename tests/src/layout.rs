//! Paths: the workspace, the built binaries, the files that a run leaves behind.

use std::env;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};

/// Names the directory of the binaries to drive, if it is not the one of this executable.
pub const BINARIES_VARIABLE: &str = "TILEFLEET_BIN_DIR";

/// The root of the workspace that this crate was built in.
pub fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// The directory into which cargo put this executable's profile: `target/debug`, `target/release`.
///
/// # Errors
///
/// When the path of this executable is unknown.
pub fn profile_directory() -> Result<PathBuf> {
    let executable = env::current_exe().context("cannot find the path of this executable")?;
    let directory = executable
        .parent()
        .context("this executable is in no directory")?;
    // Test binaries lie one level further down.
    let directory = if directory.ends_with("deps") {
        directory.parent().unwrap_or(directory)
    } else {
        directory
    };
    Ok(directory.to_path_buf())
}

/// The directory of the binaries to drive.
///
/// # Errors
///
/// When the path of this executable is unknown.
pub fn binaries_directory() -> Result<PathBuf> {
    match env::var_os(BINARIES_VARIABLE) {
        Some(directory) if !directory.is_empty() => Ok(PathBuf::from(directory)),
        _ => profile_directory(),
    }
}

/// The built binary `name` in `directory`.
///
/// # Errors
///
/// When it is not there.
pub fn binary(directory: &Path, name: &str) -> Result<PathBuf> {
    let path = directory.join(name);
    if !path.is_file() {
        bail!(
            "no binary {} (build it first: cargo build --workspace --all-targets)",
            path.display()
        );
    }
    Ok(path)
}

/// A name that no other run on this machine uses at the same time: `<word>-<process>-<count>`.
pub fn unique_name(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{word}-{}-{}",
        process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A fresh directory `target/e2e/<name>` for the logs and captured output of one run.
///
/// # Errors
///
/// When it cannot be created.
pub fn run_directory(name: &str) -> Result<PathBuf> {
    let profile = profile_directory()?;
    let directory = profile.parent().unwrap_or(&profile).join("e2e").join(name);
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}
