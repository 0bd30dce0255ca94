//! `submit --dry-run`: what would be submitted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead as _;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use tilefleet_common::aws::{Clients, ObjectError, ObjectStore};
use tilefleet_common::domain::{Cell, S3Url, Scope, TaskId};

use super::plan::SubmitPlan;
use crate::cli::{Exit, Format, GlobalArgs, Output, SubmitArgs, note};
use crate::error::ProducerError;

/// Cells whose inputs are measured, at most; each prefix costs a request.
const MOST_MEASURED: u32 = 1000;
/// Objects of a prefix that are listed.
const MOST_OBJECTS: usize = 1000;
/// Prefixes listed at a time.
const LISTS_AT_ONCE: usize = 16;

/// Checks the input and prints its cells; sends nothing and needs neither queue nor table.
pub(crate) async fn run(
    args: &SubmitArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let objects = Clients::from_environment(global.fleet.settings()?.region)
        .await
        .objects;
    let mut plan = SubmitPlan::make(args, objects.clone()).await?;
    let task = args
        .task_id
        .clone()
        .unwrap_or_else(|| TaskId::of_content(&plan.job.id(), &plan.digest));
    let input_size = measure(&mut plan, &objects).await?;
    let Scope { area, min_valid } = &plan.scope;
    let summary = json!({
        "task": task, "recipe": plan.job.name(), "recipe_digest": plan.job.id().digest(), "area_digest": area, "min_valid": min_valid, "output": plan.output, "count": plan.cells, "bytes": input_size.bytes(),
    });
    match output.format {
        Format::Table => print_table(&mut plan, output)?,
        Format::Json => print_json(&mut plan, &summary, output)?,
        Format::Ndjson => print_lines(&mut plan, output)?,
    }
    output.flush()?;
    if plan.skipped > 0 {
        note(&format!("repeated cells skipped: {}", plan.skipped));
    }
    note(&format!(
        "task {task} would have {} cells, {input_size}; nothing was submitted",
        plan.cells
    ));
    Ok(Exit::Ok)
}

fn cells(
    plan: &mut SubmitPlan,
) -> Result<impl Iterator<Item = Result<Cell, ProducerError>>, ProducerError> {
    Ok(plan.manifest()?.lines().map(|line| {
        let line = line.map_err(ProducerError::Spool)?;
        serde_json::from_str(&line).map_err(|error| ProducerError::Spool(error.into()))
    }))
}

fn print_table(plan: &mut SubmitPlan, output: &mut Output) -> Result<(), ProducerError> {
    let (job, scope) = (plan.job.clone(), plan.scope.clone());
    output.line(&format!("{:<20} {}", "CELL", "RESULT"))?;
    for cell in cells(plan)? {
        let cell = cell?;
        output.line(&format!(
            "{:<20} {}",
            cell.id.to_string(),
            cell.output_object(&job, &scope)
        ))?;
    }
    Ok(())
}

fn print_lines(plan: &mut SubmitPlan, output: &mut Output) -> Result<(), ProducerError> {
    for line in plan.manifest()?.lines() {
        output.line(&line.map_err(ProducerError::Spool)?)?;
    }
    Ok(())
}

/// One JSON value, written cell by cell so that it need not fit into memory.
fn print_json(
    plan: &mut SubmitPlan,
    summary: &serde_json::Value,
    output: &mut Output,
) -> Result<(), ProducerError> {
    let text = summary.to_string();
    output.text(text.strip_suffix('}').unwrap_or(&text))?;
    output.text(",\"cells\":[")?;
    for (index, line) in plan.manifest()?.lines().enumerate() {
        output.text(if index == 0 { "\n" } else { ",\n" })?;
        output.text(&line.map_err(ProducerError::Spool)?)?;
    }
    output.line("\n]}")
}

/// The size of all inputs.
#[derive(Debug)]
enum InputSize {
    /// Bytes of those that exist, and those that do not.
    Bytes { total: u64, missing: Vec<S3Url> },
    /// Not measured, and why.
    NotMeasured(String),
}

impl InputSize {
    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Bytes { total, missing } if missing.is_empty() => Some(*total),
            _ => None,
        }
    }
}

impl std::fmt::Display for InputSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes { total, missing } => {
                write!(f, "{} to read", indicatif::HumanBytes(*total))?;
                match missing.as_slice() {
                    [] => Ok(()),
                    [first, rest @ ..] => {
                        write!(f, ", {} objects are missing, {first} first", rest.len() + 1)
                    }
                }
            }
            Self::NotMeasured(why) => write!(f, "bytes not measured: {why}"),
        }
    }
}

/// Sums up the lengths of all inputs, by listing the prefixes that they are in.
async fn measure(plan: &mut SubmitPlan, objects: &ObjectStore) -> Result<InputSize, ProducerError> {
    if plan.cells > MOST_MEASURED {
        return Ok(InputSize::NotMeasured(format!(
            "more than {MOST_MEASURED} cells"
        )));
    }
    // The assets of all cells by the prefixes that they are in.
    let mut folders: BTreeMap<(S3Url, bool), BTreeSet<S3Url>> = BTreeMap::new();
    for cell in cells(plan)? {
        let cell = cell?;
        for asset in cell.assets.into_values() {
            let folder = asset
                .key()
                .rfind('/')
                .and_then(|end| asset.key().get(..=end))
                .unwrap_or_default();
            let Ok(folder) = S3Url::new(asset.bucket(), folder) else {
                continue;
            };
            folders
                .entry((folder, cell.request_payer))
                .or_default()
                .insert(asset);
        }
    }
    // One list request a prefix.
    let listed: Result<Vec<_>, ObjectError> = stream::iter(folders)
        .map(|((folder, request_payer), assets)| async move {
            Ok((
                objects.list(&folder, request_payer, MOST_OBJECTS).await?,
                assets,
            ))
        })
        .buffered(LISTS_AT_ONCE)
        .try_collect()
        .await;
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return Ok(InputSize::NotMeasured(error.to_string())),
    };
    let (mut total, mut missing) = (0, vec![]);
    for (found, assets) in listed {
        let lengths: BTreeMap<S3Url, u64> = found
            .into_iter()
            .map(|object| (object.url, object.bytes))
            .collect();
        for asset in assets {
            match lengths.get(&asset) {
                Some(bytes) => total += bytes,
                None => missing.push(asset),
            }
        }
    }
    Ok(InputSize::Bytes { total, missing })
}
