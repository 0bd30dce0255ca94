//! `verify`: compares the sets, items and rasters of a task.
//!
//! `rasters` asks S3 for the rasters, `difference` finds what does not agree, `repair` repairs it
//! by steps of the protocol. A repair undoes nothing that the protocol itself could not undo: it
//! retries the cell, or sends its message.

mod difference;
mod rasters;
mod repair;
mod run;

pub(crate) use run::run;
