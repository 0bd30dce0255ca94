//! The forms that an input can have.
//!
//! A new form is a file that implements `Form`, and a line in `detect.rs`.

mod detect;
mod form;
mod ndjson;
mod start;
mod walkthrough;

pub(super) use detect::detect;
pub(super) use start::Start;
