//! Telling from outside whether a worker is alive: a file that its loop rewrites.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// How often a loop that has nothing else to do writes.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// The worker's name.
    pub worker: String,
    /// Its process id.
    pub pid: u32,
    /// Cells that it holds.
    pub held: usize,
    /// Cells that it has brought to an end.
    pub ended: u64,
    /// Messages that were no cells, and are kept for a person to look at.
    #[serde(default)]
    pub poison: u64,
    /// Messages handed back because this worker could not use their recipe: it is missing, damaged,
    /// or of a newer version.
    #[serde(default)]
    pub recipe_refusals: u64,
}

/// Why a worker does not count as alive.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// There is no file, or not such a one.
    #[error("health file {path} cannot be read: {source}; is a worker running with --health-file?", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file has not been written for too long.
    #[error("health file {path} is {age} s old, more than {most} s: the worker is stuck or dead", path = path.display())]
    Stale {
        /// The file.
        path: PathBuf,
        /// Its age in seconds.
        age: u64,
        /// The age at which it counts as dead.
        most: u64,
    },
}

/// The file that this worker writes, if it was told to.
#[derive(Debug, Clone)]
pub struct HealthFile(Option<PathBuf>);

impl HealthFile {
    /// The file at `path`, or none.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// Says that the worker is alive. A disk that does not take it is logged; it must not stop the
    /// work.
    pub fn beat(&self, pulse: &Pulse) {
        let Some(path) = &self.0 else { return };
        let text = serde_json::to_vec(pulse).unwrap_or_default();
        let beside = path.with_extension(format!("{}.tmp", pulse.pid));
        let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the health file cannot be written");
        }
    }

    /// Takes the file away, at the end.
    pub fn remove(&self) {
        if let Some(path) = &self.0 {
            // It may never have been written.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Reads the file of a worker that wrote it no longer than `most` ago.
///
/// # Errors
/// [`Unhealthy`] when it did not.
pub fn check(path: &Path, most: Duration) -> Result<Pulse, Unhealthy> {
    let unreadable = |source| Unhealthy::Unreadable {
        path: path.to_owned(),
        source,
    };
    let written = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(unreadable)?;
    // A file from the future, after the clock was set back, is as good as new.
    let age = SystemTime::now()
        .duration_since(written)
        .unwrap_or_default();
    if age > most {
        return Err(Unhealthy::Stale {
            path: path.to_owned(),
            age: age.as_secs(),
            most: most.as_secs(),
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
        assert!(matches!(
            check(&path, Duration::from_mins(1)),
            Err(Unhealthy::Unreadable { .. })
        ));
        let file = HealthFile::new(Some(path.clone()));
        let pulse = Pulse {
            worker: "w".into(),
            pid: std::process::id(),
            held: 2,
            ended: 7,
            poison: 0,
            recipe_refusals: 3,
        };
        file.beat(&pulse);
        assert_eq!(check(&path, Duration::from_mins(1)).unwrap(), pulse);
        let long_ago = SystemTime::now() - Duration::from_mins(2);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        assert!(matches!(
            check(&path, Duration::from_mins(1)),
            Err(Unhealthy::Stale { most: 60, .. })
        ));
        file.remove();
        assert!(!path.exists());
    }
}
