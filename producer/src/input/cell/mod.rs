//! A cell of the input: its fields, which cell it is, and where its bands are.

mod assets;
mod claims;
mod error;
mod evidence;
mod fields;
mod identity;
mod locate;
mod tile_info;

pub(crate) use error::CellError;
pub(crate) use fields::Fields;
pub(crate) use identity::SubmitOptions;
pub(crate) use locate::{ResolveError, Resolver};
