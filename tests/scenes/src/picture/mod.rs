//! Pictures of what the workers made.

pub mod canvas;
pub mod contact_sheet;
pub(crate) mod glyphs;
pub mod thumbnail;
