//! `producer`: submits cells to the fleet and tells how their tasks are doing.
//!
//! `cli` says what can be asked, `run` does it, `input` reads cells, `plan` makes a task of them,
//! `submit` brings it into the ledger and the queue, `wake` gets workers for it. `survey` reads a
//! task's cells again, `cells`, `retry`, `cancel`, `resume`, `verify` and `dlq` are for when
//! something went wrong. `config` and `doctor` are about the fleet itself, and the rest look at the
//! ledger. Data goes to stdout, all else to stderr.

mod cancel;
mod cells;
mod cli;
mod config;
mod connection;
mod dlq;
mod doctor;
mod dry_run;
mod error;
mod exit;
mod input;
mod list;
mod output;
mod plan;
mod resend;
mod resume;
mod retry;
mod seen;
mod shards;
mod status;
mod submit;
mod survey;
mod verify;
mod wait;
mod wake;
mod watch;

use std::process::ExitCode;

use crate::cli::Cli;
use crate::error::ProducerError;
use crate::exit::Exit;
use crate::output::Output;

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
        Err(error) => return ExitCode::from(exit::report(Err(ProducerError::Runtime(error)))),
    };
    let result = runtime.block_on(run(cli));
    // A thread that still waits for standard input must not hold the process up.
    runtime.shutdown_background();
    ExitCode::from(exit::report(result))
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

impl cli::Command {
    async fn run(self, global: &cli::Global, output: &mut Output) -> Result<Exit, ProducerError> {
        match self {
            Self::Submit(arguments) if arguments.dry_run => {
                dry_run::run(&arguments, global, output).await
            }
            Self::Submit(arguments) => submit::run(&arguments, global, output).await,
            Self::Status(arguments) => status::run(&arguments, global, output).await,
            Self::Watch(arguments) => watch::run(&arguments, global, output).await,
            Self::Wait(arguments) => wait::run(&arguments, global, output).await,
            Self::List(arguments) => list::run(&arguments, global, output).await,
            Self::Cells(arguments) => cells::run(&arguments, global, output).await,
            Self::Retry(arguments) => retry::run(&arguments, global, output).await,
            Self::Cancel(arguments) => cancel::run(&arguments, global, output).await,
            Self::Resume(arguments) => Box::pin(resume::run(&arguments, global, output)).await,
            Self::Verify(arguments) => Box::pin(verify::run(&arguments, global, output)).await,
            Self::Dlq(command) => dlq::run(command, global, output).await,
            Self::Doctor(arguments) => doctor::run(&arguments, global, output).await,
            Self::Config(command) => config::run(command, global, output).await,
        }
    }
}
