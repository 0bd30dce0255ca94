//! `doctor`: every deployed piece looked at, with the next step for each that is not as it should
//! be.
//!
//! `pieces` asks AWS, `verdict` makes a line of the answer.

use std::fmt::Display;

use serde::Serialize;
use serde_json::json;
use tilefleet_common::aws::Clients;

use super::resources::Pieces;
use crate::cli::{self, Exit, Format, Global, Output};
use crate::error::ProducerError;

/// How a piece was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Found {
    Ok,
    Failed,
    NotChecked,
}

/// What was found of one piece: a line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) piece: &'static str,
    pub(super) result: Found,
    pub(super) detail: String,
}

impl Check {
    pub(super) fn new(piece: &'static str, result: Found, detail: &dyn Display) -> Self {
        // What services say may have several lines.
        Self {
            piece,
            result,
            detail: detail.to_string().replace('\n', " "),
        }
    }

    pub(super) fn ok(piece: &'static str, detail: impl Display) -> Self {
        Self::new(piece, Found::Ok, &detail)
    }

    pub(super) fn failed(piece: &'static str, detail: impl Display) -> Self {
        Self::new(piece, Found::Failed, &detail)
    }

    pub(super) fn not_checked(piece: &'static str, detail: impl Display) -> Self {
        Self::new(piece, Found::NotChecked, &detail)
    }

    fn row(&self) -> Vec<String> {
        let result = match self.result {
            Found::Ok => "ok",
            Found::Failed => "failed",
            Found::NotChecked => "not checked",
        };
        vec![
            self.piece.to_owned(),
            result.to_owned(),
            self.detail.clone(),
        ]
    }
}

/// Looks at everything and tells of it.
pub(crate) async fn run(
    arguments: &cli::Doctor,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let settings = global.settings()?;
    let clients = Clients::from_environment(settings.region.clone()).await;
    let pieces = Pieces {
        clients,
        settings,
        arguments,
    };
    // Many calls at once make a large future.
    let checks = Box::pin(pieces.look()).await;
    let sound = checks.iter().all(|check| check.result != Found::Failed);
    match output.format {
        Format::Table => {
            let rows: Vec<_> = checks.iter().map(Check::row).collect();
            output.table(Some(&["PIECE", "RESULT", "DETAIL"]), &rows)?;
        }
        Format::Json => output.json(&json!({ "ok": sound, "checks": checks }))?,
        Format::Ndjson => checks.iter().try_for_each(|check| output.json(check))?,
    }
    output.flush()?;
    Ok(if sound { Exit::Ok } else { Exit::Fault })
}
