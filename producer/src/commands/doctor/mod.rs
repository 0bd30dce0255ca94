//! `doctor`: every deployed resource is looked at, with the next step for each that has a fault.

mod resources;
mod run;
mod verdict;

pub(crate) use run::run;
