//! The worker of a Tilefleet fleet: takes cells from the queue, fuses their bands into one
//! cloud-optimised `GeoTIFF` each, and carries the ledger to the end of the task.
//!
//! [`pool`] holds the loop, [`message`] the life of one message, [`cell`] what is done for a cell,
//! [`machine`] what the machine announces; [`fuse`] knows only rasters, and [`fuse_command`] runs it
//! without a fleet.

pub mod cell;
pub mod cli;
pub mod fuse;
pub mod fuse_command;
pub mod machine;
pub mod message;
pub mod pool;
