//! `submit`: cells of an input become a task in the ledger and messages in the queue.

pub(crate) mod dry_run;
mod duplicates;
mod plan;
mod submission;

pub(crate) use plan::BadCells;
pub(crate) use submission::run;
