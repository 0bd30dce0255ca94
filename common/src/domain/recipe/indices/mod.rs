//! The spectral indices that are built in.

mod list;

pub(super) use list::{names, recipe};
