//! `producer`: submits cells to the fleet and tells how their tasks are doing.
//!
//! `cli` says what can be asked, `run` does it, `input` reads cells, `plan` makes a task of them,
//! `submit` brings it into the ledger and the queue, `wake` gets workers for it. `survey` reads a
//! task's cells again, `cells`, `retry`, `cancel`, `resume`, `verify` and `dlq` are for when
//! something went wrong. `config` and `doctor` are about the fleet itself, and the rest look at the
//! ledger. Data goes to stdout, all else to stderr.

mod cli;
mod commands;
mod error;
mod fleet;
mod input;

use std::process::ExitCode;

use crate::cli::{Cli, Exit, Output};
use crate::error::ProducerError;

fn main() -> ExitCode {
    let cli = match Cli::of(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    tilefleet_common::telemetry::start(if cli.global.verbose { "info" } else { "warn" });
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(cli::exit::report(Err(ProducerError::Runtime(error)))),
    };
    let result = runtime.block_on(run(cli));
    // A thread that still waits for standard input must not hold the process up.
    runtime.shutdown_background();
    ExitCode::from(cli::exit::report(result))
}

async fn run(cli: Cli) -> Result<Exit, ProducerError> {
    let mut output = Output::standard(cli.global.format);
    let advice = cli.command.advice_on_interruption();
    tokio::select! {
        result = cli.command.run(&cli.global, &mut output) => result,
        interruption = tokio::signal::ctrl_c() => match interruption {
            Ok(()) => Err(ProducerError::Interrupted { advice }),
            Err(error) => Err(ProducerError::Runtime(error)),
        },
    }
}
