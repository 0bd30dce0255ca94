//! `config`: the settings, where they come from, and how terraform's outputs become them.

mod import;
mod import_error;
mod show;

pub(crate) use import::run as import;
pub(crate) use import_error::ImportError;
pub(crate) use show::run as show;
