//! The spectral indices that are built in.
//!
//! `recipes/indices.tsv` has one index a line (`table`). A line becomes the text of a recipe file
//! (`index`), and that a recipe (`list`).

mod index;
mod list;
mod table;

pub use index::Index;
pub(super) use list::{names, recipe};
pub use table::{AmbiguousName, all, find};
