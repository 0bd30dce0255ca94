//! `config`: the settings, where they come from, and how terraform's outputs become them.

use super::{import, show};
use crate::cli::{ConfigCommand, Exit, Global, Output};
use crate::error::ProducerError;

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
