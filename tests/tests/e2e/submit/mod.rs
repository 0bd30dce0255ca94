//! Submitting: from an input document to a task, and its recipe.

mod area;
mod bad_input;
mod masked_and_cut;
pub(crate) mod recipes;
mod walk_through;
