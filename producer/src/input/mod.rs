//! Reading cells, whichever form they come in.

mod cell;
mod forms;
mod read;
mod utf8;

pub(crate) use cell::{CellError, Choices, ResolveError, Resolver};
pub(crate) use read::{Entry, InputError, Place, Source, read};
