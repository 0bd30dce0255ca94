//! The running fleet: its clients, a task's cells and progress, messages sent again, workers woken.

mod connection;
mod resend;
mod task_cells;
mod task_progress;
pub(crate) mod wake;

pub(crate) use connection::{FleetConnection, LedgerConnection};
pub(crate) use resend::Resend;
pub(crate) use task_cells::{Shard, Sources};
pub(crate) use task_progress::Shards;
