//! `list`: the newest tasks.

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::domain::{S3Url, TaskId, is_known_layout};
use tilefleet_common::ledger::{TaskState, TaskSummary};

use crate::cli::{Exit, GlobalArgs, ListArgs, Output};
use crate::error::ProducerError;
use crate::fleet::LedgerConnection;

const HEADER: [&str; 4] = ["TASK", "STATE", "CELLS", "CREATED"];

/// A task, as its own item has it.
#[derive(Debug, Serialize)]
struct TaskLine {
    task: TaskId,
    state: TaskState,
    recipe: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe_digest: Option<String>,
    cells: u32,
    epoch: u32,
    created_at: String,
    submitted_at: Option<String>,
    completed_at: Option<String>,
    output: S3Url,
    layout: u32,
    /// Nobody carries out the rest of the submit.
    submit_left: bool,
    /// It has cells, and no message is left for them.
    stalled: bool,
}

impl TaskLine {
    fn new(task: TaskId, summary: TaskSummary, second: i64) -> Self {
        Self {
            submit_left: summary.is_left(second),
            stalled: summary.is_stalled(),
            task,
            state: summary.state,
            recipe: summary.recipe,
            recipe_digest: summary.recipe_digest,
            cells: summary.cells,
            epoch: summary.epoch,
            created_at: summary.created_at,
            submitted_at: summary.submitted_at,
            completed_at: summary.completed_at,
            output: summary.output,
            layout: summary.layout,
        }
    }

    fn row(&self) -> Vec<String> {
        let state = if !is_known_layout(self.layout) {
            format!("{} (layout {})", self.state.name(), self.layout)
        } else if self.submit_left {
            "RUNNING (submit left unfinished)".to_owned()
        } else if self.submitted_at.is_none() && self.state == TaskState::Running {
            "RUNNING (submit goes on)".to_owned()
        } else if self.stalled {
            "RUNNING (stalled)".to_owned()
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
    let second = Timestamp::now().as_second();
    let lines: Vec<TaskLine> = tasks
        .into_iter()
        .map(|(task, summary)| TaskLine::new(task, summary, second))
        .collect();
    output.rows(&HEADER, &lines, TaskLine::row)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use tilefleet_common::domain::LAYOUT;

    use super::*;
    use crate::cli::{Format, printed};

    fn summary() -> TaskSummary {
        TaskSummary {
            layout: LAYOUT,
            state: TaskState::Running,
            epoch: 1,
            cells: 800,
            recipe: "rgb".to_owned(),
            recipe_digest: Some("0f".repeat(32)),
            output: "s3://my-bucket/".parse().unwrap(),
            created_at: "2026-11-26T13:54:10.000Z".to_owned(),
            submitted_at: Some("2026-11-26T13:54:14.583Z".to_owned()),
            completed_at: None,
            submitter_until: None,
            stalled_until: None,
        }
    }

    #[test]
    fn a_task_is_a_row_that_names_what_is_unusual() {
        let left = TaskSummary {
            submitted_at: None,
            submitter_until: Some(99),
            ..summary()
        };
        let goes_on = TaskSummary {
            submitter_until: Some(100),
            ..left.clone()
        };
        let stalled = TaskSummary {
            stalled_until: Some(1),
            ..summary()
        };
        let older = TaskSummary {
            layout: 1,
            ..summary()
        };
        let lines = [
            ("rgb-5", summary()),
            ("rgb-4", goes_on),
            ("rgb-3", left),
            ("rgb-2", stalled),
            ("rgb-1", older),
        ]
        .map(|(task, summary)| TaskLine::new(task.parse().unwrap(), summary, 100));
        let text = [Format::Table, Format::Ndjson]
            .map(|format| printed(format, |output| output.rows(&HEADER, &lines, TaskLine::row)))
            .concat();
        insta::assert_snapshot!(text);
    }
}
