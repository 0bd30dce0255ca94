//! `cells`: the cells of a task, with what the ledger says of each.

use std::pin::pin;

use futures::TryStreamExt as _;
use serde::Serialize;
use tilefleet_common::dispatch::TaskCells;
use tilefleet_common::domain::{Cell, JobId, TaskId};
use tilefleet_common::ledger::{CellHistory, CellRecord, CellState, NoRaster, ShardRecord};

use crate::cli::{CellsArgs, Exit, Format, GlobalArgs, Output, StateFilter, note};
use crate::error::ProducerError;
use crate::fleet::LedgerConnection;

/// The state of a cell. The sets of its shard decide; its own item only says whether a pending cell
/// was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShownState {
    Pending,
    Running,
    Failed,
    OutsideArea,
    TooFewValid,
    Ok,
}

impl ShownState {
    /// The state of the cell with this ordinal in a shard with these sets.
    pub(super) fn of(sets: Option<&ShardRecord>, ordinal: u32, item: Option<&CellRecord>) -> Self {
        match sets {
            Some(sets) if sets.failed.contains(&ordinal) => Self::Failed,
            Some(sets) if !sets.pending.contains(&ordinal) => match sets.without_raster(ordinal) {
                None => Self::Ok,
                Some(NoRaster::OutsideArea) => Self::OutsideArea,
                Some(NoRaster::TooFewValid) => Self::TooFewValid,
            },
            _ if item.is_some_and(|item| item.state == CellState::Running) => Self::Running,
            _ => Self::Pending,
        }
    }

    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::OutsideArea => NoRaster::OutsideArea.name(),
            Self::TooFewValid => NoRaster::TooFewValid.name(),
            Self::Ok => "ok",
        }
    }
}

impl StateFilter {
    fn matches(self, state: ShownState) -> bool {
        match self {
            Self::All => true,
            Self::Pending => state == ShownState::Pending,
            Self::Running => state == ShownState::Running,
            Self::Failed => state == ShownState::Failed,
            Self::OutsideArea => state == ShownState::OutsideArea,
            Self::TooFewValid => state == ShownState::TooFewValid,
            Self::Ok => state == ShownState::Ok,
        }
    }

    /// Whether the item of a cell must be read to know its state or to show it.
    fn wants(self, sets: &ShardRecord, ordinal: u32) -> bool {
        let (pending, failed) = (
            sets.pending.contains(&ordinal),
            sets.failed.contains(&ordinal),
        );
        match self {
            Self::All => true,
            Self::Pending | Self::Running => pending,
            Self::Failed => failed,
            Self::OutsideArea => sets.outside_area.contains(&ordinal),
            Self::TooFewValid => sets.too_few_valid.contains(&ordinal),
            Self::Ok => !pending && !failed && sets.without_raster(ordinal).is_none(),
        }
    }
}

/// A cell as it is printed. `submit` accepts it.
#[derive(Debug, Serialize)]
struct CellLine<'a> {
    #[serde(flatten)]
    cell: &'a Cell,
    ledger: LedgerFields<'a>,
}

#[derive(Debug, Serialize)]
struct LedgerFields<'a> {
    task: &'a TaskId,
    /// `submit` accepts the cell only with the same recipe.
    #[serde(flatten)]
    job: &'a JobId,
    ordinal: u32,
    state: ShownState,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    history: Option<&'a CellHistory>,
}

impl CellLine<'_> {
    fn row(&self) -> String {
        let LedgerFields {
            ordinal,
            state,
            history,
            ..
        } = &self.ledger;
        let field = |text: fn(&CellHistory) -> String| history.map(text).unwrap_or_default();
        let failures = field(|history| history.failures.to_string());
        let receives = field(|history| history.receives.to_string());
        // The detail of a state: what was made, what is wrong, or who is at work.
        let detail = match (state, history) {
            (
                ShownState::Ok,
                Some(CellHistory {
                    output: Some(output),
                    artefacts,
                    ..
                }),
            ) => {
                let first = artefacts.first();
                first.map_or_else(String::new, |first| first.address(output).to_string())
            }
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
            (ShownState::Running, Some(history)) => {
                format!("by {}", history.worker.as_deref().unwrap_or("?"))
            }
            _ => String::new(),
        };
        // One line, whatever an error message contains.
        let state = state.name();
        let row = format!(
            "{:<20} {ordinal:>8}  {state:<13} {receives:>8} {failures:>8}  {detail}",
            self.cell.id.to_string()
        );
        row.trim_end().replace('\n', " ")
    }
}

/// Lists the cells in the chosen state.
pub(crate) async fn run(
    args: &CellsArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let connection = LedgerConnection::open(global).await?;
    let record = connection.task(&args.task).await?;
    let task_cells = TaskCells {
        objects: &connection.clients.objects,
        ledger: &connection.ledger,
        task: &args.task,
        record: &record,
    };
    // The sets of a shard say which items are needed; the list itself need not fit into memory.
    let filter = args.state;
    let mut shards = pin!(task_cells.shards(move |sets, ordinal| filter.wants(sets, ordinal)));
    match output.format {
        Format::Table => output.line(&format!(
            "{:<20} {:>8}  {:<13} {:>8} {:>8}  {}",
            "CELL", "ORDINAL", "STATE", "RECEIVES", "FAILURES", "DETAIL"
        ))?,
        Format::Json => output.text("[")?,
        Format::Ndjson => {}
    }
    let mut listed = 0_u32;
    while let Some(shard) = shards.try_next().await? {
        for (ordinal, cell) in &shard.cells {
            let item = shard.items.get(ordinal);
            // Only now is the item of a pending cell known, and so whether it is running.
            let state = ShownState::of(shard.sets.as_ref(), *ordinal, item);
            if !filter.matches(state) {
                continue;
            }
            let history = item.map(|item| &item.history);
            let line = CellLine {
                cell,
                ledger: LedgerFields {
                    task: &args.task,
                    job: &record.job,
                    ordinal: *ordinal,
                    state,
                    history,
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
    connection.print_calls(global);
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use tilefleet_common::domain::{Artefact, Job, Recipe, Role};

    use super::*;
    use crate::cli::printed;

    #[test]
    fn sets_decide_and_the_item_only_says_whether_a_pending_cell_was_started() {
        let sets = ShardRecord {
            pending: [0, 1].into(),
            failed: [2].into(),
            outside_area: [4].into(),
            too_few_valid: [5].into(),
            size: 6,
            enqueued: true,
            reopened: 0,
        };
        let item = |state| CellRecord {
            cell: "48RXT/2020-08-01/0".parse().unwrap(),
            state,
            history: CellHistory::default(),
        };
        let (running, made) = (item(CellState::Running), item(CellState::Ok));
        let of = |ordinal, item| ShownState::of(Some(&sets), ordinal, item);
        assert_eq!(of(0, None), ShownState::Pending);
        assert_eq!(of(1, Some(&running)), ShownState::Running);
        assert_eq!(of(2, Some(&made)), ShownState::Failed);
        assert_eq!(of(3, Some(&running)), ShownState::Ok);
        assert_eq!(of(4, Some(&made)), ShownState::OutsideArea);
        assert_eq!(of(5, Some(&made)), ShownState::TooFewValid);
        assert_eq!(ShownState::of(None, 3, None), ShownState::Pending);
    }

    #[test]
    fn a_line_says_what_the_state_needs() {
        let task = "rgb-1".parse().unwrap();
        let job = Job::Raster(Recipe::builtin("rgb").unwrap().clone()).id();
        let cell = Cell {
            id: "48RXT/2020-08-01/0".parse().unwrap(),
            assets: [].into(),
            output: "s3://my-bucket/".parse().unwrap(),
            region: None,
            request_payer: true,
        };
        let worker = CellHistory {
            worker: Some("w-1".to_owned()),
            receives: 2,
            ..CellHistory::default()
        };
        let failed = CellHistory {
            failures: 5,
            error_code: Some("missing_object".to_owned()),
            error_message: Some("object s3://x/B04.jp2\ndoes not exist".to_owned()),
            ..worker.clone()
        };
        let ok = CellHistory {
            output: Some("s3://my-bucket/".parse().unwrap()),
            artefacts: vec![Artefact {
                role: Role::Raster,
                location: "x.tif".to_owned(),
                etag: "\"tag\"".to_owned(),
                bytes: 7,
            }],
            ..worker.clone()
        };
        let cases = [
            (ShownState::Pending, None),
            (ShownState::Running, Some(&worker)),
            (ShownState::Failed, Some(&failed)),
            (ShownState::Ok, Some(&ok)),
        ];
        let lines: Vec<_> = (0..)
            .zip(cases)
            .map(|(ordinal, (state, history))| CellLine {
                cell: &cell,
                ledger: LedgerFields {
                    task: &task,
                    job: &job,
                    ordinal,
                    state,
                    history,
                },
            })
            .collect();
        let rows: Vec<_> = lines.iter().map(CellLine::row).collect();
        let json = printed(Format::Ndjson, |output| {
            lines.iter().try_for_each(|line| output.json(line))
        });
        insta::assert_snapshot!(format!("{}\n{json}", rows.join("\n")));
    }
}
