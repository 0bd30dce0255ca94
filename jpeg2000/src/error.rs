//! What can go wrong, and where in the file.

use std::io;

/// What kind of trouble a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// Bytes, packets or tiles that the file announces are not there.
    Truncated,
    /// The file contradicts itself or the standard.
    Malformed,
    /// Legal, but nothing that this decoder takes.
    Unsupported,
}

/// The first thing found wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (byte {offset})")]
pub struct Flaw {
    /// What kind of trouble it is.
    pub kind: FlawKind,
    /// Where, in bytes from the beginning of the file.
    pub offset: u64,
    /// What is wrong: a lowercase phrase without the offset.
    pub detail: String,
}

impl Flaw {
    pub(crate) fn truncated(offset: u64, detail: impl Into<String>) -> Self {
        Self {
            kind: FlawKind::Truncated,
            offset,
            detail: detail.into(),
        }
    }

    pub(crate) fn malformed(offset: u64, detail: impl Into<String>) -> Self {
        Self {
            kind: FlawKind::Malformed,
            offset,
            detail: detail.into(),
        }
    }

    pub(crate) fn unsupported(offset: u64, detail: impl Into<String>) -> Self {
        Self {
            kind: FlawKind::Unsupported,
            offset,
            detail: detail.into(),
        }
    }
}

/// Why an image or a tile could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// [`ReadRange::read_range`](crate::ReadRange::read_range) failed; this is its error, unchanged.
    #[error(transparent)]
    Read(io::Error),
    /// The file is damaged or of a kind that this decoder does not take.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// The caller asked to stop.
    #[error("decoding was stopped by the caller")]
    Stopped,
}
