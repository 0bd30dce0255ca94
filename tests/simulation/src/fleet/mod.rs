//! The queue, the Auto Scaling group and its machines, second by second.

pub mod conditions;
pub mod fairness;
pub mod group;
pub mod machine;
pub mod outcome;
pub mod queue;
pub mod world;
