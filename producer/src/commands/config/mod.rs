//! `config`: the settings, where they come from, and how terraform's outputs become them.

mod import;
mod run;
mod show;

pub(crate) use import::ImportError;
pub(crate) use run::run;
