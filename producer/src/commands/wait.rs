//! `wait`: nothing until a task ends, then its exit code.

use std::time::{Duration, Instant};

use tilefleet_common::ledger::TaskState;

use crate::cli::{Exit, Global, Output, Wait};
use crate::commands::status::exit_of_ended;
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, Shards};

/// The first wait between two looks; small tasks end soon.
const FIRST: Duration = Duration::from_millis(250);

/// Waits until the task ends or time runs out. Only the task's own item is read until then.
pub(crate) async fn run(
    arguments: &Wait,
    global: &Global,
    _output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let started = Instant::now();
    let mut pause = FIRST;
    loop {
        let record = connection.task(&arguments.task).await?;
        if record.state != TaskState::Running {
            let progress = Shards::default()
                .count(&connection.ledger, &arguments.task, &record)
                .await?;
            return Ok(exit_of_ended(progress));
        }
        pause = pause.min(arguments.interval);
        if let Some(timeout) = arguments.timeout {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(Exit::TimedOut);
            }
            // The last look is at the end of the time, not before it.
            pause = pause.min(left);
        }
        tokio::time::sleep(pause).await;
        pause = pause.mul_f64(1.5);
    }
}
