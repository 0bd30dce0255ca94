//! What an operator does with a fleet and its tasks.

mod dead_letters;
mod doctor;
mod explain;
mod fleet;
mod forget;
mod refused_notice;
mod retry_and_cancel;
pub(crate) mod verify;
