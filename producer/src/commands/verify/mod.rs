//! `verify`: compares the sets, items and artefacts of a task.
//!
//! `artefacts` sends a HEAD request for each artefact, `difference` finds what does not agree in
//! a shard and `whole` in the task, `repair` repairs it by steps of the protocol. A repair undoes nothing that the protocol itself
//! could not undo: it retries the cell, or sends its message.

mod artefacts;
mod difference;
mod repair;
mod run;
mod whole;

pub(crate) use run::run;
