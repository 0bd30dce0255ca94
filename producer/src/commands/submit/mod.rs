//! `submit`: the cells of an input become a task in the ledger and messages in the queue.
//!
//! `plan` reads the input and checks every cell. `submission` creates the task and sends its cells.

mod area;
mod bad_cells;
mod dry_run;
mod duplicates;
mod outcome;
mod plan;
mod run;
mod shard_reader;
mod submission;

pub(crate) use bad_cells::BadCells;
pub(crate) use dry_run::run as dry_run;
pub(crate) use run::run;
