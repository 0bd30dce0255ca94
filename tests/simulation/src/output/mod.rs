//! The results of simulations as a table and as a plot.

pub mod plot;
pub mod table;
