//! `producer`: submits cells to the fleet and shows how their tasks are doing.
//!
//! `cli` has the command line, `commands` what each command does. `input` reads cells in any form
//! that `input::forms` knows. `fleet` has what several commands need: AWS clients, the cells and
//! the progress of a task, messages sent again. Data goes to stdout, everything else to stderr.

mod cli;
mod commands;
mod error;
mod fleet;
mod input;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Exit, Output, exit_code};
use crate::error::ProducerError;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tilefleet_common::telemetry::start(if cli.global.verbose { "info" } else { "warn" });
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(exit_code(Err(ProducerError::Runtime(error)))),
    };
    let result = runtime.block_on(run(cli));
    // A thread that still waits for standard input must not hold up the process.
    runtime.shutdown_background();
    ExitCode::from(exit_code(result))
}

async fn run(cli: Cli) -> Result<Exit, ProducerError> {
    let mut output = Output::standard(cli.global.format);
    let advice = cli.command.advice_on_interruption();
    tokio::select! {
        result = commands::run(cli.command, &cli.global, &mut output) => result,
        interruption = tokio::signal::ctrl_c() => match interruption {
            Ok(()) => Err(ProducerError::Interrupted { advice }),
            Err(error) => Err(ProducerError::Runtime(error)),
        },
    }
}
