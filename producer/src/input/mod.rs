//! Reading cells from a file or standard input.
//!
//! [`read()`] goes through the input once and keeps one cell of it in memory. `forms` has the forms
//! that an input can have: each detects its content and yields entries. `cell` makes a cell of the
//! fields of an entry: which cell it is, and where its bands are.

mod cell;
mod entry;
mod error;
mod forms;
mod path;
mod read;

pub(crate) use cell::{ResolveError, Resolver, SubmitOptions};
pub(crate) use entry::{Entry, Position};
pub(crate) use error::InputError;
pub(crate) use path::InputPath;
pub(crate) use read::read;
