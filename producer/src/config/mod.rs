//! `config`: the settings, where they come from, and how terraform's outputs become them.

mod import;
mod show;

use crate::cli::{ConfigCommand, Global};
use crate::error::ProducerError;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) use import::ImportError;

/// Does what `config` is asked to.
pub(crate) async fn run(
    command: ConfigCommand,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    match command {
        ConfigCommand::Import(arguments) => import::run(&arguments, global, output).await,
        ConfigCommand::Show => show::run(global, output),
    }
}
