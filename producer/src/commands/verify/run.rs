//! `verify`: what differs, and its repair.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::TryStreamExt as _;
use serde::Serialize;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{TaskRecord, TaskState};

use super::difference::{Counts, Difference, Kind, of_shard, of_task};
use super::rasters;
use super::repair::Plan;
use crate::cli::{Exit, Format, Global, Output, Verify, note};
use crate::commands::retry::running_or_complete;
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Resend, wake};

/// Differences that are shown one by one in a table or in JSON; all are counted, and NDJSON has
/// all.
const SHOWN: usize = 1000;

/// What `verify` tells.
#[derive(Debug, Serialize)]
struct Report {
    task: TaskId,
    state: TaskState,
    epoch: u32,
    /// Whether nothing differs, or all that did is mended.
    sound: bool,
    #[serde(flatten)]
    counts: Counts,
    /// How many differences of each kind.
    found: BTreeMap<Kind, u32>,
    /// The first of them.
    differences: Vec<Difference>,
    /// Messages that a repair sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<u32>,
}

/// Verifies the task, and repairs it if that was asked for.
pub(crate) async fn run(
    arguments: &Verify,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let task = &arguments.task;
    let record = if arguments.repair {
        running_or_complete(&fleet, task).await?
    } else {
        fleet.task(task).await?
    };
    let resend = Resend {
        fleet: &fleet,
        task,
        record: &record,
    };
    let mut findings = Findings::default();
    Box::pin(look_at_all(resend, output, &mut findings)).await?;
    let sent = if arguments.repair && !findings.plan.is_empty() {
        let sent =
            findings
                .plan
                .carry_out(resend)
                .await
                .map_err(|cause| ProducerError::BrokeOff {
                    command: "repair",
                    task: task.clone(),
                    cause: Box::new(cause),
                })?;
        wake::run(&fleet, sent).await;
        Some(sent)
    } else {
        None
    };
    let report = Report {
        task: task.clone(),
        state: record.state,
        epoch: record.epoch,
        sound: findings.found.is_empty(),
        counts: findings.counts,
        found: findings.found,
        differences: findings.shown,
        sent,
    };
    report.write(output)?;
    output.flush()?;
    fleet.tell_calls(global);
    Ok(if report.sound { Exit::Ok } else { Exit::Fault })
}

#[derive(Debug, Default)]
struct Findings {
    counts: Counts,
    found: BTreeMap<Kind, u32>,
    shown: Vec<Difference>,
    plan: Plan,
}

impl Findings {
    fn add(&mut self, difference: Difference, output: &mut Output) -> Result<(), ProducerError> {
        *self.found.entry(difference.kind).or_default() += 1;
        self.plan.add(&difference);
        if output.format == Format::Ndjson {
            return output.json(&difference);
        }
        if self.shown.len() < SHOWN {
            self.shown.push(difference);
        }
        Ok(())
    }
}

async fn look_at_all(
    resend: Resend<'_>,
    output: &mut Output,
    findings: &mut Findings,
) -> Result<(), ProducerError> {
    let Resend {
        fleet,
        task,
        record,
    } = resend;
    // Nothing can be said of a single message; but where none is left, nothing pending has one.
    let queue_is_empty = match record.state {
        TaskState::Running => {
            let cells = fleet.queue.attributes().await?;
            let dead = match &fleet.dead_letters {
                Some(queue) => queue.attributes().await?.waiting,
                None => 0,
            };
            cells.waiting == 0 && cells.hidden == 0 && dead == 0
        }
        _ => false,
    };
    let mut shards = pin!(resend.sources().shards(|_, _| true));
    let mut unsettled = vec![];
    while let Some(shard) = shards.try_next().await? {
        let seen = rasters::at_rasters(&fleet.clients.objects, &shard).await?;
        let mut differences = of_shard(record, &shard, &seen, queue_is_empty, &mut findings.counts);
        // A worker may be between two steps: what it has done since is no difference.
        if record.state == TaskState::Running
            && differences.iter().any(|found| found.kind.is_of_a_moment())
        {
            let now = fleet.ledger.shard(task, shard.number).await?;
            differences.retain(|found| found.is_still_so(now.as_ref()));
        }
        for difference in differences {
            if difference.kind == Kind::ShardNotClosed {
                unsettled.push(difference);
            } else {
                findings.add(difference, output)?;
            }
        }
    }
    let now = fleet.task(task).await?;
    for difference in unsettled {
        if difference
            .shard
            .is_some_and(|shard| now.open_shards.contains(&shard))
        {
            findings.add(difference, output)?;
        }
    }
    for difference in of_task(&now, results_are_missing(fleet, task, &now).await?) {
        findings.add(difference, output)?;
    }
    Ok(())
}

async fn results_are_missing(
    fleet: &FleetConnection,
    task: &TaskId,
    record: &TaskRecord,
) -> Result<bool, ProducerError> {
    if record.notified_epoch == 0 {
        return Ok(false);
    }
    let results = record.results(task, record.notified_epoch);
    Ok(fleet
        .clients
        .objects
        .head(&results, record.region.as_deref())
        .await?
        .is_none())
}

impl Report {
    fn write(&self, output: &mut Output) -> Result<(), ProducerError> {
        match output.format {
            Format::Json => return output.json(self),
            Format::Ndjson => {
                note(&self.verdict());
                return Ok(());
            }
            Format::Table => {}
        }
        let Counts {
            sets,
            rows,
            rasters,
        } = &self.counts;
        let rows = [
            vec![
                "CELLS".into(),
                "OK".into(),
                "FAILED".into(),
                "PENDING".into(),
            ],
            vec![
                "sets".into(),
                sets.ok.to_string(),
                sets.failed.to_string(),
                sets.pending.to_string(),
            ],
            vec![
                "items".into(),
                rows.ok.to_string(),
                rows.failed.to_string(),
                rows.pending.to_string(),
            ],
            vec![
                "rasters".into(),
                rasters.to_string(),
                "-".into(),
                "-".into(),
            ],
        ];
        output.table(None, &rows)?;
        if !self.differences.is_empty() {
            output.line("")?;
            let rows: Vec<_> = self.differences.iter().map(Difference::row).collect();
            output.table(
                Some(&["DIFFERENCE", "SHARD", "ORDINAL", "CELL", "DETAIL", "REPAIR"]),
                &rows,
            )?;
            let all: u32 = self.found.values().sum();
            if let Some(more) = usize::try_from(all)
                .unwrap_or(usize::MAX)
                .checked_sub(SHOWN + 1)
            {
                output.line(&format!("and {} more; -o ndjson has all", more + 1))?;
            }
        }
        output.line("")?;
        output.line(&self.verdict())
    }

    fn verdict(&self) -> String {
        let Self { task, .. } = self;
        let all: u32 = self.found.values().sum();
        match (all, self.sent) {
            (0, _) => format!("task {task} is sound"),
            (_, Some(sent)) => {
                format!(
                    "task {task}: {all} differences, {sent} messages sent; verify again when workers have run"
                )
            }
            (_, None) => {
                format!(
                    "task {task}: {all} differences; producer verify {task} --repair mends what can be mended"
                )
            }
        }
    }
}
