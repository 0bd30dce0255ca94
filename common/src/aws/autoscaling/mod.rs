//! The Auto Scaling group of the workers: its state, waking it, stopping it.

#[cfg(test)]
mod fake;
mod group;
mod state;
mod stop;

pub use group::{Group, GroupError, Wake};
pub use state::{GroupMachine, GroupState, ScalingActivity};
pub use stop::{Ending, Unended};
