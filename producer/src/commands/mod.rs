//! What each command does: one file or folder per command.

mod cancel;
mod cells;
mod config;
mod dlq;
mod doctor;
mod explain;
mod fleet;
mod forget;
mod list;
mod recipes;
mod resume;
mod retry;
mod run;
mod status;
mod submit;
mod verify;
mod wait;
mod watch;

pub(crate) use config::ImportError;
pub(crate) use run::run;
pub(crate) use submit::BadCells;
