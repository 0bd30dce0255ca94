//! What a simulation is shown as.

pub mod plot;
pub mod table;
