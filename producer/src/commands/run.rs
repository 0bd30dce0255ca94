//! Which code carries out which command.

use super::{
    cancel, cells, config, dlq, doctor, explain, fleet, forget, list, recipes, resume, retry,
    status, submit, verify, wait, watch,
};
use crate::cli::{Command, ConfigCommand, Exit, GlobalArgs, Output};
use crate::error::ProducerError;

/// Carries out `command`.
///
/// # Errors
/// Whatever keeps the command from its end. A task that ended with failed cells is not an error.
pub(crate) async fn run(
    command: Command,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    match command {
        Command::Submit(args) if args.dry_run => submit::dry_run(&args, global, output).await,
        Command::Submit(args) => submit::run(&args, global, output).await,
        Command::Status(args) => status::run(&args, global, output).await,
        Command::Explain(args) => Box::pin(explain::run(&args, global, output)).await,
        Command::Watch(args) => watch::run(&args, global, output).await,
        Command::Wait(args) => wait::run(&args, global).await,
        Command::List(args) => list::run(&args, global, output).await,
        Command::Recipes(args) => recipes::run(&args, output),
        Command::Cells(args) => cells::run(&args, global, output).await,
        Command::Retry(args) => retry::run(&args, global, output).await,
        Command::Cancel(args) => cancel::run(&args, global, output).await,
        Command::Resume(args) => Box::pin(resume::run(&args, global, output)).await,
        Command::Verify(args) => Box::pin(verify::run(&args, global, output)).await,
        Command::Forget(args) => forget::run(&args, global, output).await,
        Command::Dlq(command) => dlq::run(command, global, output).await,
        Command::Fleet(command) => fleet::run(&command, global, output).await,
        Command::Doctor(args) => doctor::run(&args, global, output).await,
        Command::Config(ConfigCommand::Import(args)) => config::import(&args, global, output).await,
        Command::Config(ConfigCommand::Show) => config::show(global, output),
    }
}
