//! Which input: a file, or standard input.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InputPath {
    Stdin,
    File(PathBuf),
}

impl InputPath {
    /// The input that a command's argument names: `-` is standard input.
    pub(crate) fn of_argument(argument: &Path) -> Self {
        if argument == Path::new("-") {
            Self::Stdin
        } else {
            Self::File(argument.to_owned())
        }
    }
}

impl fmt::Display for InputPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
