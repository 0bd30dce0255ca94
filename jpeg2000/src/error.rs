//! Errors of the decoder: what is wrong with a file, and where.

use std::io;

/// The kind of a flaw. It decides what a caller can do about the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// Bytes, packets or tiles that the file announces are missing.
    Truncated,
    /// The file contradicts itself or the standard.
    Malformed,
    /// The file is legal, but outside the decoder's profile. Another decoder may read it.
    Unsupported,
}

/// The first thing found wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} (byte {offset})")]
pub struct Flaw {
    /// What it means for the file, and for who else may read it.
    pub kind: FlawKind,
    /// Position of the flaw, in bytes from the beginning of the file.
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

/// Why an image or a tile was not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// [`ReadRange::read_range`](crate::ReadRange::read_range) failed. This is its error,
    /// unchanged.
    #[error(transparent)]
    Read(io::Error),
    /// The file is damaged, or outside the profile.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// The `stop` callback returned true.
    #[error("the caller stopped the decoding")]
    Stopped,
}
