//! `list`: the newest tasks.

use serde::Serialize;
use tilefleet_common::domain::{JobId, S3Url, TaskId};
use tilefleet_common::ledger::{TaskRecord, TaskState};

use crate::cli::{Exit, GlobalArgs, ListArgs, Output};
use crate::error::ProducerError;
use crate::fleet::LedgerConnection;

const HEADER: [&str; 4] = ["TASK", "STATE", "CELLS", "CREATED"];

/// A task, as its own item has it.
#[derive(Debug, Serialize)]
struct TaskLine {
    task: TaskId,
    state: TaskState,
    /// The fields `recipe` and `recipe_digest`.
    #[serde(flatten)]
    job: JobId,
    cells: u32,
    epoch: u32,
    created_at: String,
    submitted_at: Option<String>,
    completed_at: Option<String>,
    output: S3Url,
}

impl TaskLine {
    fn new(task: TaskId, record: TaskRecord) -> Self {
        Self {
            task,
            state: record.state,
            job: record.job,
            cells: record.cells,
            epoch: record.epoch,
            created_at: record.created_at,
            submitted_at: record.submitted_at,
            completed_at: record.completed_at,
            output: record.output,
        }
    }

    fn row(&self) -> Vec<String> {
        let state = if self.submitted_at.is_none() && self.state == TaskState::Running {
            "RUNNING (submit unfinished)".to_owned()
        } else {
            self.state.name().to_owned()
        };
        vec![
            self.task.to_string(),
            state,
            self.cells.to_string(),
            self.created_at.clone(),
        ]
    }
}

/// Lists the newest tasks, newest first.
pub(crate) async fn run(
    args: &ListArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let tasks = connection.ledger.tasks(args.limit).await?;
    let lines: Vec<TaskLine> = tasks
        .into_iter()
        .map(|(task, record)| TaskLine::new(task, record))
        .collect();
    output.rows(&HEADER, &lines, TaskLine::row)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, printed};
    use crate::fleet::task_record;

    #[test]
    fn a_task_is_a_row_and_an_unfinished_submit_is_named() {
        let unfinished = TaskRecord {
            submitted_at: None,
            ..task_record()
        };
        let lines = [("rgb-2", task_record()), ("rgb-1", unfinished)]
            .map(|(task, record)| TaskLine::new(task.parse().unwrap(), record));
        let text = [Format::Table, Format::Ndjson]
            .map(|format| printed(format, |output| output.rows(&HEADER, &lines, TaskLine::row)))
            .concat();
        insta::assert_snapshot!(text);
    }
}
