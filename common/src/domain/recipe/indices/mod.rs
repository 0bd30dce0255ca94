//! The table of spectral indices.
//!
//! `recipes/indices.tsv` has one index a line (`table`). A line becomes the text of a recipe file
//! (`index`).

mod index;
mod table;

pub use index::Index;
pub use table::{AmbiguousName, all, find};
