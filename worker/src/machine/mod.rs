//! The machine that the worker runs on, and the worker as its process: notices of the machine's
//! end, scale-in protection, stopping, and the health file.

pub mod health;
mod notice;
mod protection;
mod shutdown;
mod watcher;

pub use shutdown::{RunningCell, Shutdown};
pub use watcher::{GroupMembership, Machine};
