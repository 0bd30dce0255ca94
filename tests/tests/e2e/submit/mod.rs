//! Submitting: from an input document to a task, and its recipe.

mod area;
mod bad_input;
pub(crate) mod recipes;
mod walk_through;
