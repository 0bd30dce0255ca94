//! The worker's binary: parses the command line, runs the command, and maps the result to an exit
//! code.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use tilefleet_common::telemetry;
use tilefleet_common::terminal::visible;
use tilefleet_worker::cli::{Cli, Command};
use tilefleet_worker::machine::health;
use tilefleet_worker::{fuse_command, run_command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => {
            telemetry::start("info");
            runtime().and_then(|runtime| runtime.block_on(run_command::run(*args)))
        }
        Command::Fuse(args) => {
            telemetry::start("warn");
            runtime().and_then(|runtime| runtime.block_on(fuse_command::run(*args)))
        }
        Command::Health(args) => health::check(&args.health_file, args.max_age)
            .map(|_| ())
            .map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("the runtime cannot start")
}

#[expect(
    clippy::print_stderr,
    reason = "the error that ends a process must not depend on a log filter"
)]
fn print_error(error: &anyhow::Error) {
    eprintln!("error: {}", visible(&format!("{error:#}")));
}
