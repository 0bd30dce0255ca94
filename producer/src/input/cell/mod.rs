//! A cell of the input: its fields, which cell it is, and where its bands are.

mod fields;
mod identity;
mod locate;

pub(crate) use fields::CellError;
pub(crate) use identity::Choices;
pub(crate) use locate::{ResolveError, Resolver};
