//! The built-in recipes of one spectral index each.
//!
//! Their formulas are the lines of one table, `recipes/indices.tsv` (`table`). A line becomes the
//! text of a recipe file (`index`), and that text is read as any other (`recipes`). A test evaluates
//! each recipe and compares it with what spyndex computes (`values`).

mod index;
mod recipes;
mod table;
#[cfg(test)]
mod values;

pub use index::Index;
pub use recipes::{names, recipe};
pub use table::{AmbiguousName, all, find};
