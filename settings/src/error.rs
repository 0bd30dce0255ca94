//! Why settings cannot be used.

use std::path::PathBuf;

use crate::names::{DEFAULT_FILE, flag, variable};

/// Why settings cannot be used. The message says the next step.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A required setting is given nowhere.
    #[error("no {what}: give {}, set {}, or write {name} into {DEFAULT_FILE}", flag(.name), variable(.name))]
    Missing {
        /// What it is, for people.
        what: &'static str,
        /// Its name in the file.
        name: &'static str,
    },
    /// The file does not exist or cannot be read.
    #[error("cannot read configuration {path}: {cause}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why; it is part of the message, and not a source, which would print it twice.
        cause: std::io::Error,
    },
    /// The file is not TOML, or has a setting that is unknown or of the wrong type.
    #[error("configuration {path} is not valid: {message}", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        message: String,
    },
}
