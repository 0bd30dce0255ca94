//! `cells`: the cells of a task, with what the ledger says of each.

use std::pin::pin;

use futures::TryStreamExt as _;
use serde::Serialize;
use tilefleet_common::domain::{Cell, TaskId};
use tilefleet_common::ledger::{CellHistory, CellRecord, CellState, ShardRecord};

use crate::cli::{Cells, Exit, Format, Global, Output, Which, note};
use crate::error::ProducerError;
use crate::fleet::{LedgerConnection, Sources};

/// Where a cell stands: the sets of its shard decide, and its own item tells of a pending one
/// whether it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Pending,
    Running,
    Failed,
    Ok,
}

impl Standing {
    fn of(sets: Option<&ShardRecord>, ordinal: u32, row: Option<&CellRecord>) -> Self {
        match sets {
            Some(sets) if sets.failed.contains(&ordinal) => Self::Failed,
            Some(sets) if !sets.pending.contains(&ordinal) => Self::Ok,
            _ if row.is_some_and(|row| row.state == CellState::Running) => Self::Running,
            _ => Self::Pending,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Ok => "ok",
        }
    }
}

impl Which {
    fn is(self, standing: Standing) -> bool {
        match self {
            Self::All => true,
            Self::Pending => standing == Standing::Pending,
            Self::Running => standing == Standing::Running,
            Self::Failed => standing == Standing::Failed,
            Self::Ok => standing == Standing::Ok,
        }
    }

    /// Whether the item of a cell has to be read to answer.
    fn wants(self, sets: &ShardRecord, ordinal: u32) -> bool {
        let (pending, failed) = (
            sets.pending.contains(&ordinal),
            sets.failed.contains(&ordinal),
        );
        match self {
            Self::All => true,
            Self::Pending | Self::Running => pending,
            Self::Failed => failed,
            Self::Ok => !pending && !failed,
        }
    }
}

/// A line that `submit` takes.
#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    cell: &'a Cell,
    ledger: Told<'a>,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    task: &'a TaskId,
    ordinal: u32,
    state: Standing,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    story: Option<&'a CellHistory>,
}

impl Line<'_> {
    fn row(&self) -> String {
        let Told {
            ordinal,
            state,
            story,
            ..
        } = &self.ledger;
        let told = |text: fn(&CellHistory) -> String| story.map(text).unwrap_or_default();
        let failures = told(|story| story.failures.to_string());
        let receives = told(|story| story.receives.to_string());
        let detail = match (state, story) {
            (Standing::Ok, Some(story)) => story.output.clone().unwrap_or_default(),
            (
                _,
                Some(CellHistory {
                    error_code: Some(code),
                    error_message,
                    ..
                }),
            ) => {
                format!("{code}: {}", error_message.as_deref().unwrap_or_default())
            }
            (Standing::Running, Some(story)) => {
                format!("by {}", story.worker.as_deref().unwrap_or("?"))
            }
            _ => String::new(),
        };
        let state = state.name();
        let row = format!(
            "{:<20} {ordinal:>8}  {state:<8} {receives:>8} {failures:>8}  {detail}",
            self.cell.id.to_string()
        );
        row.trim_end().replace('\n', " ")
    }
}

/// Lists the cells in the state that was asked for.
pub(crate) async fn run(
    arguments: &Cells,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let record = connection.task(&arguments.task).await?;
    let sources = Sources {
        objects: &connection.clients.objects,
        ledger: &connection.ledger,
        task: &arguments.task,
        record: &record,
    };
    let which = arguments.state;
    let mut shards = pin!(sources.shards(move |sets, ordinal| which.wants(sets, ordinal)));
    match output.format {
        Format::Table => output.line(&format!(
            "{:<20} {:>8}  {:<8} {:>8} {:>8}  {}",
            "CELL", "ORDINAL", "STATE", "RECEIVES", "FAILURES", "DETAIL"
        ))?,
        Format::Json => output.text("[")?,
        Format::Ndjson => {}
    }
    let mut listed = 0_u32;
    while let Some(shard) = shards.try_next().await? {
        for (ordinal, cell) in &shard.cells {
            let row = shard.rows.get(ordinal);
            let state = Standing::of(shard.sets.as_ref(), *ordinal, row);
            if !which.is(state) {
                continue;
            }
            let story = row.map(|row| &row.story);
            let line = Line {
                cell,
                ledger: Told {
                    task: &arguments.task,
                    ordinal: *ordinal,
                    state,
                    story,
                },
            };
            match output.format {
                Format::Table => output.line(&line.row())?,
                Format::Json => {
                    output.text(if listed == 0 { "\n" } else { ",\n" })?;
                    let text = serde_json::to_string(&line);
                    output.text(&text.map_err(|error| ProducerError::Output(error.into()))?)?;
                }
                Format::Ndjson => output.json(&line)?,
            }
            listed += 1;
        }
    }
    if output.format == Format::Json {
        output.line("\n]")?;
    }
    output.flush()?;
    note(&format!("{listed} of {} cells", record.cells));
    connection.tell_calls(global);
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_decide_and_the_item_tells_only_whether_a_pending_cell_was_begun() {
        let sets = ShardRecord {
            pending: [0, 1].into(),
            failed: [2].into(),
            size: 4,
            enqueued: true,
            reopened: 0,
        };
        let row = |state| CellRecord {
            cell: "48RXT/2020-08-01/0".parse().unwrap(),
            state,
            story: CellHistory::default(),
        };
        let (running, made) = (row(CellState::Running), row(CellState::Ok));
        let of = |ordinal, row| Standing::of(Some(&sets), ordinal, row);
        assert_eq!(of(0, None), Standing::Pending);
        assert_eq!(of(1, Some(&running)), Standing::Running);
        assert_eq!(of(2, Some(&made)), Standing::Failed);
        assert_eq!(of(3, Some(&running)), Standing::Ok);
        assert_eq!(Standing::of(None, 3, None), Standing::Pending);
    }
}
