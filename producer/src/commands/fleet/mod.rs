//! `fleet`: stops the machines, starts them again, and shows them.

mod run;
mod start;
mod status;
mod stop;

pub(crate) use run::run;
