//! `forget`: deletes what the ledger has of a task.

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::domain::TaskId;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{self, FORGOTTEN};
use tilefleet_common::ledger::{Answer, LedgerError};

use crate::cli::{Exit, ForgetArgs, GlobalArgs, Output};
use crate::error::ProducerError;
use crate::fleet::LedgerConnection;

/// What `forget` has done.
#[derive(Debug, Serialize)]
struct ForgetOutcome {
    task: TaskId,
    /// Cells of the task.
    cells: u32,
    /// Items that were deleted.
    deleted: usize,
    dry_run: bool,
}

impl ForgetOutcome {
    fn line(&self) -> String {
        let Self {
            task,
            cells,
            deleted,
            ..
        } = self;
        if self.dry_run {
            format!("task {task} of {cells} cells would be forgotten")
        } else {
            format!(
                "task {task} is forgotten: {deleted} items deleted; its manifest, results and rasters stay"
            )
        }
    }
}

/// Forgets the task, or completes a forget that was interrupted.
pub(crate) async fn run(
    args: &ForgetArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    // 1. What is left of the task: also of one that expired, or was forgotten in part.
    let connection = LedgerConnection::open(global).await?;
    let task = &args.task;
    let Some(remains) = connection.ledger.remains(task).await? else {
        return Err(connection.no_such_task(task));
    };
    let running = || ProducerError::Running { task: task.clone() };
    if remains.is_running() {
        return Err(running());
    }
    if remains.is_being_submitted(Timestamp::now().as_second()) {
        return Err(ProducerError::BeingSubmitted { task: task.clone() });
    }
    let mut outcome = ForgetOutcome {
        task: task.clone(),
        cells: remains.cells,
        deleted: 0,
        dry_run: args.dry_run,
    };
    if !args.dry_run {
        // 2. A state that no step leads back from: nobody else takes the task for one that exists.
        if remains.state != FORGOTTEN {
            let forget = transition::forget_task(task, &remains.state);
            // Refused: somebody has retried or resumed it meanwhile.
            if matches!(connection.ledger.write(&forget).await?, Answer::Refused(_)) {
                return Err(running());
            }
            fault::point(Point::Forget);
        }
        // 3. The items, the header last, so that an interrupted forget can be run again.
        let deleted = connection.ledger.delete(task, &remains).await;
        outcome.deleted =
            deleted.map_err(|cause: LedgerError| ProducerError::CommandUnfinished {
                command: "forget",
                task: task.clone(),
                cause: Box::new(cause.into()),
            })?;
    }
    output.outcome(&outcome.line(), &outcome)?;
    connection.print_calls(global);
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_says_what_was_done() {
        let line = |dry_run| {
            let (task, cells, deleted) = ("t".parse().unwrap(), 12, 15);
            let outcome = ForgetOutcome {
                task,
                cells,
                deleted,
                dry_run,
            };
            outcome.line()
        };
        assert_eq!(
            [line(false), line(true)],
            [
                "task t is forgotten: 15 items deleted; its manifest, results and rasters stay",
                "task t of 12 cells would be forgotten"
            ]
        );
    }
}
