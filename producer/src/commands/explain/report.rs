//! What `explain` prints: one screen, or JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{Progress, TaskState, WorkerRecord};

use super::facts::{CellFacts, Facts, MessageCounts};
use super::findings::{Finding, findings};
use crate::cli::{Format, Output};
use crate::error::ProducerError;

/// The facts in short, and the findings.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    task: &'a TaskId,
    state: TaskState,
    #[serde(flatten)]
    progress: Progress,
    queue: Option<MessageCounts>,
    dead_letters: Option<MessageCounts>,
    group: Option<GroupLine<'a>>,
    workers: &'a [WorkerRecord],
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<&'a CellFacts>,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct GroupLine<'a> {
    name: &'a str,
    stopped: bool,
    desired: u32,
    in_service: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(facts: &'a Facts) -> Self {
        Self {
            task: &facts.task,
            state: facts.record.state,
            progress: facts.progress,
            queue: facts.queue,
            dead_letters: facts.dead_letters,
            group: facts.group.as_ref().map(|group| GroupLine {
                name: &group.name,
                stopped: group.state.is_stopped(),
                desired: group.state.desired,
                in_service: group.state.in_service(),
            }),
            workers: &facts.workers,
            cell: facts.cell.as_ref(),
            findings: findings(facts),
        }
    }

    /// Writes the report in the output's format.
    pub(super) fn write(&self, output: &mut Output) -> Result<(), ProducerError> {
        if output.format == Format::Table {
            output.table(None, &self.rows())?;
            for finding in &self.findings {
                output.line("")?;
                let detail = finding.detail.replace('\n', " ");
                output.line(&format!("{}: {detail}", finding.cause))?;
                if let Some(action) = &finding.action {
                    output.line(&format!("  -> {action}"))?;
                }
            }
        } else {
            output.json(self)?;
        }
        output.flush()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let unknown = || "not known".to_owned();
        let counts = |counts: Option<MessageCounts>| {
            counts.map_or_else(unknown, |MessageCounts { waiting, hidden }| {
                format!("{waiting} messages wait, {hidden} are hidden")
            })
        };
        let group = self.group.as_ref().map_or_else(unknown, |group| {
            format!(
                "{}: {} machines wanted, {} in service",
                group.name, group.desired, group.in_service
            )
        });
        let mut rows = vec![
            (
                "task",
                format!(
                    "{} {}: {}, {} remaining",
                    self.task,
                    self.state.name(),
                    self.progress,
                    self.progress.remaining
                ),
            ),
            ("queue", counts(self.queue)),
            ("dead letters", counts(self.dead_letters)),
            ("group", group),
            ("workers", workers(self.workers)),
        ];
        rows.extend(self.cell.map(cell_rows).unwrap_or_default());
        rows.into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect()
    }
}

/// How many workers there are, and what they do with the cells that they have held for longest.
fn workers(workers: &[WorkerRecord]) -> String {
    if workers.is_empty() {
        return "none has reported within the last hour".to_owned();
    }
    let held: u32 = workers.iter().map(|worker| worker.held).sum();
    let mut phases: BTreeMap<&str, u32> = BTreeMap::new();
    for phase in workers.iter().filter_map(|worker| worker.phase.as_deref()) {
        *phases.entry(phase).or_default() += 1;
    }
    let phases: Vec<String> = phases
        .into_iter()
        .map(|(phase, count)| format!("{count} {phase}"))
        .collect();
    let doing = if phases.is_empty() {
        String::new()
    } else {
        format!(" ({})", phases.join(", "))
    };
    format!(
        "{} in the last hour, {held} cells held{doing}",
        workers.len()
    )
}

/// The cell's item.
fn cell_rows(cell: &CellFacts) -> Vec<(&'static str, String)> {
    let mut rows = vec![(
        "cell",
        format!("{} ({}): {}", cell.cell, cell.ordinal, cell.state.name()),
    )];
    let Some(history) = &cell.history else {
        return rows;
    };
    rows.push((
        "attempts",
        format!(
            "{} begun, {} failures, {} interruptions",
            history.receives, history.failures, history.interruptions
        ),
    ));
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    rows.push((
        "last attempt",
        format!(
            "{} to {} by {}",
            or_dash(&history.started_at),
            or_dash(&history.ended_at),
            or_dash(&history.worker)
        ),
    ));
    if let Some(code) = &history.error_code {
        let message = history.error_message.as_deref().unwrap_or_default();
        rows.push((
            "last error",
            format!("{code}: {}", message.replace('\n', " ")),
        ));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::cli::printed;
    use crate::commands::cells::ShownState;

    #[test]
    fn a_report_is_one_screen_or_one_json_value() {
        let mut facts = sample::stopped_behind_others();
        facts.cell = sample::with_cell(ShownState::Running, Some(sample::failed_twice())).cell;
        let report = Report::new(&facts);
        let text = [Format::Table, Format::Json]
            .map(|format| printed(format, |output| report.write(output)))
            .join("\n");
        insta::assert_snapshot!(text);
    }
}
