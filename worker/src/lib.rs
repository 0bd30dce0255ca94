//! The worker of a Tilefleet fleet: it receives cells from the queue, fuses the bands of each into
//! a cloud-optimised `GeoTIFF`, and carries the ledger to the end of the task.
//!
//! [`run_command`] builds a worker and [`pool`] is its main loop. [`message`] is the life of one
//! message, [`cell`] is what is done for a cell, [`trouble`] is what goes wrong that is not a cell's
//! fault, and [`machine`] reacts to what happens to the machine. [`tilefleet_fuse`] knows only rasters; [`fuse_command`] runs it without a fleet.

pub mod activity;
pub mod cell;
pub mod cli;
pub mod fuse_command;
pub mod machine;
pub mod message;
pub mod pool;
pub mod report;
pub mod run_command;
pub mod trouble;
