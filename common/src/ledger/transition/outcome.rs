//! What a step says of the end of a cell.

use crate::domain::{Artefact, S3Url};
use crate::ledger::item::attribute;
use crate::ledger::records::NoRaster;
use crate::ledger::write::Action;

/// Longest error message that an item keeps, in bytes.
const ERROR_MESSAGE_BYTES: usize = 512;

/// What the ledger records of a cell that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Success {
    /// Bucket and prefix below which the artefacts lie: the cell's output.
    pub output: S3Url,
    /// What was published, in the order of upload.
    pub artefacts: Vec<Artefact>,
    /// Why there is no raster; then nothing was published.
    pub without_raster: Option<NoRaster>,
    /// Milliseconds spent downloading.
    pub fetch_ms: u64,
    /// Milliseconds spent decoding, fusing and encoding.
    pub fuse_ms: u64,
    /// Milliseconds spent uploading.
    pub publish_ms: u64,
}

/// What the ledger records of a cell that failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// A short stable word.
    pub code: String,
    /// For a person.
    pub message: String,
}

impl Failure {
    pub(super) fn actions(&self, now: &str) -> [Action; 3] {
        [
            Action::Set(attribute::ERROR_CODE, self.code.as_str().into()),
            Action::Set(attribute::ERROR_MESSAGE, cut(&self.message).into()),
            Action::Set(attribute::ENDED_AT, now.into()),
        ]
    }
}

/// As much of a message as an item keeps.
pub(super) fn cut(message: &str) -> &str {
    message
        .get(..message.floor_char_boundary(ERROR_MESSAGE_BYTES))
        .unwrap_or_default()
}
