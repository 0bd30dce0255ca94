//! `demo`: the whole fleet on one machine. `make demo` builds everything that it needs and runs it.
#![expect(clippy::print_stderr, reason = "a demo is there to print")]

use std::process::{ExitCode, exit};

use clap::Parser as _;
use tilefleet_tests::demo::{self, Outcome, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

const INTERRUPTED: u8 = 130;
const ENDED_WITH_FAILED_CELLS: u8 = 10;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let settings = Settings::parse();
    let mut interrupts = Interrupts::listen()?;
    let mut demo = Box::pin(demo::run(&settings));
    let outcome = tokio::select! {
        outcome = &mut demo => Some(outcome),
        () = interrupts.next() => None,
    };
    match outcome {
        // The causes in one line; anyhow by itself may print a screen of backtrace.
        Some(Err(error)) => {
            eprintln!("\nerror: {error:#}");
            Ok(ExitCode::FAILURE)
        }
        Some(Ok(Outcome::Complete)) => Ok(ExitCode::SUCCESS),
        Some(Ok(Outcome::Failed(cells))) => {
            eprintln!("\n{cells} cells failed; the notice says where to read why");
            Ok(ExitCode::from(ENDED_WITH_FAILED_CELLS))
        }
        None => {
            eprintln!("\ninterrupted: ending what was started (once more to do it at once)");
            // Ending it in order blocks this thread; a second interrupt must still work.
            tokio::spawn(async move {
                interrupts.next().await;
                exit(i32::from(INTERRUPTED));
            });
            drop(demo);
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupts {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
