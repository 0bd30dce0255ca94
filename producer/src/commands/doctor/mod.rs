//! `doctor`: checks every deployed resource, and names the next step for each that has a fault.
//!
//! `resources` sends the requests to AWS, `verdict` makes a check of each answer.

mod check;
mod resources;
mod run;
mod verdict;

pub(crate) use run::run;
