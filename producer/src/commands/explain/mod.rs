//! `explain`: why a task does not move, each cause with the command that mends it.
//!
//! `gather` reads the facts, `findings` makes a list of causes from them, `report` prints it. The list
//! is a function of the facts alone.

mod facts;
mod findings;
mod gather;
mod report;
mod run;
#[cfg(test)]
mod sample;

pub(crate) use run::run;
