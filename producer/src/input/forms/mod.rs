//! The forms that an input may have.

pub(super) mod ndjson;
pub(super) mod walkthrough;
