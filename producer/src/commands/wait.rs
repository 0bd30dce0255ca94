//! `wait`: prints nothing and ends with the task.

use std::time::{Duration, Instant};

use tilefleet_common::ledger::TaskState;

use super::status::exit_of_ended;
use crate::cli::{Exit, GlobalArgs, WaitArgs};
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, TaskProgress};

/// The first pause between two reads: small tasks end soon.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Waits until the task ends or the time runs out. Until then it reads only the task's own item.
pub(crate) async fn run(args: &WaitArgs, global: &GlobalArgs) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let record = connection.task(&args.task).await?;
        if record.state != TaskState::Running {
            let progress = TaskProgress::default()
                .count(&connection.ledger, &args.task, &record)
                .await?;
            return Ok(exit_of_ended(progress));
        }
        pause = pause.min(args.interval);
        if let Some(timeout) = args.timeout {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(Exit::TimedOut);
            }
            // The last read is at the end of the time, not before it.
            pause = pause.min(left);
        }
        tokio::time::sleep(pause).await;
        pause = pause.mul_f64(1.5);
    }
}
