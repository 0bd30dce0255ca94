//! From an input document to a task.

mod bad_input;
mod walk_through;
