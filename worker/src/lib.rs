//! The worker of a Tilefleet fleet: takes cells from the queue, fuses their bands into one
//! cloud-optimised `GeoTIFF` each, and carries the ledger to the end of the task.
//!
//! [`pool`] holds the loop, [`holding`] the life of one message, [`work`] what is done for a cell,
//! [`instance`] what the machine announces; [`fuse`] knows only rasters, and [`convert`] runs it
//! without a fleet.

pub mod cli;
pub mod convert;
pub mod fuse;
pub mod health;
pub mod holding;
pub mod input;
pub mod instance;
pub mod isolation;
pub mod lease;
pub mod memory;
pub mod poison;
pub mod pool;
mod probe;
pub mod publication;
pub mod shutdown;
pub mod work;
