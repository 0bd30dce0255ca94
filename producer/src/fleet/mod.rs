//! The running fleet: its clients, a task's cells and progress, messages sent again, workers woken.

mod connection;
mod reopen;
#[cfg(test)]
mod sample;
mod task_progress;
mod wake;
mod watched_progress;
mod worker_trouble;

pub(crate) use connection::{FleetConnection, LedgerConnection};
pub(crate) use reopen::{Reopening, in_time, running_or_complete};
#[cfg(test)]
pub(crate) use sample::task_record;
pub(crate) use task_progress::TaskProgress;
pub(crate) use wake::wake;
pub(crate) use watched_progress::WatchedProgress;
pub(crate) use worker_trouble::WorkerTrouble;
