//! `list`: the newest tasks.

use serde::Serialize;
use tilefleet_common::domain::{JobId, S3Url, TaskId};
use tilefleet_common::ledger::{TaskRecord, TaskState};

use crate::cli::{Exit, Format, Global, List, Output};
use crate::error::ProducerError;
use crate::fleet::LedgerConnection;

/// A task, as its own item tells of it.
#[derive(Debug, Serialize)]
struct Line {
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

impl Line {
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
    arguments: &List,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let tasks = connection.ledger.tasks(arguments.limit).await?;
    let lines: Vec<Line> = tasks
        .into_iter()
        .map(|(task, record)| Line::new(task, record))
        .collect();
    match output.format {
        Format::Table => {
            let rows: Vec<_> = lines.iter().map(Line::row).collect();
            output.table(Some(&["TASK", "STATE", "CELLS", "CREATED"]), &rows)?;
        }
        Format::Json => output.json(&lines)?,
        Format::Ndjson => lines.iter().try_for_each(|line| output.json(line))?,
    }
    output.flush()?;
    Ok(Exit::Ok)
}
