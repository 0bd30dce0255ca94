//! The health file: the worker's loop rewrites it, and `worker health` reads how old it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::activity::Stalled;

/// How often an idle loop writes.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);

/// The content of the file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The worker's name.
    pub worker: String,
    /// Its process id.
    pub pid: u32,
    /// Cells that it holds.
    pub held: usize,
    /// Messages that it has finished with since it started.
    pub ended: u64,
    /// Malformed messages that it has copied to the place of `--poison` and deleted.
    #[serde(default)]
    pub poison: u64,
    /// Messages handed back because this worker could not use their recipe: it is missing, damaged,
    /// or of a newer version.
    #[serde(default)]
    pub recipe_refusals: u64,
    /// Cells that have made no progress for five minutes.
    #[serde(default)]
    pub stalled: Vec<Stalled>,
    /// What does not work and is not a cell's fault.
    #[serde(default)]
    pub breakers: Vec<String>,
}

/// Why a worker does not count as alive.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The file is missing or malformed.
    #[error("health file {path} cannot be read: {cause}; is a worker running with --health-file?", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why; it is part of the message, and not a source, which would print it twice.
        cause: std::io::Error,
    },
    /// The file has not been written for too long.
    #[error("health file {path} is {age} s old, more than {max_age} s: the worker is stuck or dead", path = path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// Its age in seconds.
        age: u64,
        /// The age at which it counts as dead.
        max_age: u64,
    },
}

/// The file that this worker writes, if it was given one.
#[derive(Debug, Clone)]
pub struct HealthFile(Option<PathBuf>);

impl HealthFile {
    /// The file at `path`, or none.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// Writes the file: the worker is alive. An error is logged; it must not stop the work.
    pub fn write(&self, heartbeat: &Heartbeat) {
        let Some(path) = &self.0 else { return };
        let text = serde_json::to_vec(heartbeat).unwrap_or_default();
        let temporary = path.with_extension(format!("{}.tmp", heartbeat.pid));
        let written =
            std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the health file cannot be written");
        }
    }

    /// Removes the file, at the end.
    pub fn remove(&self) {
        if let Some(path) = &self.0 {
            // It may never have been written.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Reads a health file, which must not be older than `max_age`.
///
/// # Errors
/// [`HealthError`] when the file is older, missing or malformed.
pub fn check(path: &Path, max_age: Duration) -> Result<Heartbeat, HealthError> {
    let unreadable = |cause| HealthError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let written = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(unreadable)?;
    // After the clock was set back, a file can be from the future. It counts as new.
    let age = SystemTime::now()
        .duration_since(written)
        .unwrap_or_default();
    if age > max_age {
        return Err(HealthError::Stale {
            path: path.to_owned(),
            age: age.as_secs(),
            max_age: max_age.as_secs(),
        });
    }
    let text = std::fs::read(path).map_err(unreadable)?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_alive_while_its_file_is_fresh_and_dead_without_it() {
        let path =
            std::env::temp_dir().join(format!("tilefleet-health-{}.json", std::process::id()));
        let missing = anyhow::Error::from(check(&path, Duration::from_mins(1)).unwrap_err());
        let message = format!("{missing:#}");
        assert_eq!(message.matches("No such file").count(), 1, "{message}");
        let file = HealthFile::new(Some(path.clone()));
        let heartbeat = Heartbeat {
            worker: "w".into(),
            pid: std::process::id(),
            held: 2,
            ended: 7,
            poison: 0,
            recipe_refusals: 3,
            stalled: vec![],
            breakers: vec![],
        };
        file.write(&heartbeat);
        assert_eq!(check(&path, Duration::from_mins(1)).unwrap(), heartbeat);
        let long_ago = SystemTime::now() - Duration::from_mins(2);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        assert!(matches!(
            check(&path, Duration::from_mins(1)),
            Err(HealthError::Stale { max_age: 60, .. })
        ));
        file.remove();
        assert!(!path.exists());
    }
}
