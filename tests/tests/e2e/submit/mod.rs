//! From an input document to a task.

mod bad_input;
pub(crate) mod recipes;
mod walk_through;
