//! The radiometry of a cell, from the documents beside its bands.
//!
//! The rules for what documents say are in [`tilefleet_common::domain`]; here is how documents are
//! read, in S3 or on this machine (`library`), and which of them (`look_up`). A cell takes one or two
//! small requests.

mod error;
mod library;
mod look_up;
mod of_cell;

pub use error::LookUpError;
pub use library::Documents;
pub use look_up::look_up;
pub(super) use of_cell::{known_radiometry_of_cell, radiometry_of_cell};
