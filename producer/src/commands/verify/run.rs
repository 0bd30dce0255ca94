//! `verify`: compares, repairs under `--repair`, and prints the differences.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::TryStreamExt as _;
use serde::Serialize;
use tilefleet_common::dispatch::Dispatch;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{Open, TaskRecord, TaskState};

use super::artefacts::head_artefacts;
use super::difference::{Counts, Difference, DifferenceKind, Tally, TaskView, compare_shard};
use super::repair::RepairPlan;
use super::whole::{compare_groups, compare_task};
use crate::cli::{Exit, Format, GlobalArgs, Output, VerifyArgs, note};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, running_or_complete, wake};

/// Differences that a table or JSON shows one by one. All are counted, and NDJSON shows all.
const SHOWN: usize = 1000;

/// What `verify` has found and done.
#[derive(Debug, Serialize)]
struct Verification {
    task: TaskId,
    state: TaskState,
    epoch: u32,
    /// Whether no difference was found.
    sound: bool,
    #[serde(flatten)]
    counts: Counts,
    /// How many differences of each kind.
    found: BTreeMap<DifferenceKind, u32>,
    /// The first of them.
    differences: Vec<Difference>,
    /// Messages that a repair sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<u32>,
}

/// Verifies the task, and repairs it under `--repair`.
pub(crate) async fn run(
    args: &VerifyArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let task = &args.task;
    let record = if args.repair {
        running_or_complete(&fleet, task).await?
    } else {
        fleet.task(task).await?
    };
    let dispatch = fleet.dispatch(task, &record);
    // All differences are found before the first is repaired.
    let mut findings = Findings::default();
    Box::pin(compare(&fleet, dispatch, output, &mut findings)).await?;
    let sent = if args.repair && !findings.plan.is_empty() {
        let sent = findings
            .plan
            .carry_out(&fleet, dispatch)
            .await
            .map_err(|cause| ProducerError::CommandUnfinished {
                command: "repair",
                task: task.clone(),
                cause: Box::new(cause),
            })?;
        wake(&fleet, sent).await;
        Some(sent)
    } else {
        None
    };
    // Print what was found, and exit with 1 if it was anything.
    let verification = Verification {
        task: task.clone(),
        state: record.state,
        epoch: record.epoch,
        sound: findings.found.is_empty(),
        counts: findings.counts,
        found: findings.found,
        differences: findings.shown,
        sent,
    };
    verification.write(output)?;
    output.flush()?;
    fleet.print_calls(global);
    Ok(if verification.sound {
        Exit::Ok
    } else {
        Exit::Fault
    })
}

#[derive(Debug, Default)]
struct Findings {
    counts: Counts,
    found: BTreeMap<DifferenceKind, u32>,
    shown: Vec<Difference>,
    plan: RepairPlan,
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

/// Compares the whole task, shard by shard, and adds each difference to `findings`.
async fn compare(
    fleet: &FleetConnection,
    dispatch: Dispatch<'_>,
    output: &mut Output,
    findings: &mut Findings,
) -> Result<(), ProducerError> {
    let Dispatch { task, record, .. } = dispatch;
    // SQS cannot be searched for one message. But if the queue is empty, no pending cell has one.
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
    let groups = fleet.ledger.groups(task, 0..record.group_count()).await?;
    let open = Open::new(record, &groups);
    let view = TaskView {
        record,
        open: &open,
    };
    let mut still_open = vec![];
    for difference in compare_groups(view, &groups) {
        if difference.kind == DifferenceKind::GroupNotClosed {
            still_open.push(difference);
        } else {
            findings.add(difference, output)?;
        }
    }
    let mut shards = pin!(dispatch.cells_of_task().shards(|_, _| true));
    while let Some(shard) = shards.try_next().await? {
        let heads = head_artefacts(&fleet.clients.objects, &shard).await?;
        let mut differences =
            compare_shard(view, &shard, &heads, queue_is_empty, &mut findings.counts);
        // A worker may be between two steps of the protocol: what it has done since is not a
        // difference.
        if record.state == TaskState::Running
            && differences.iter().any(|found| found.kind.is_transient())
        {
            let now = fleet.ledger.shard(task, shard.number).await?;
            differences.retain(|found| found.is_still_so(now.as_ref()));
        }
        for difference in differences {
            if difference.kind == DifferenceKind::ShardNotClosed {
                still_open.push(difference);
            } else {
                findings.add(difference, output)?;
            }
        }
    }
    // Workers may also have closed shards and groups since: only those that the task still waits
    // for count.
    let now = fleet.task(task).await?;
    let open = fleet.ledger.open(task, &now).await?;
    for difference in still_open {
        if difference
            .shard
            .is_some_and(|shard| open.shards.contains(&shard) || open.unclosed.contains(&shard))
        {
            findings.add(difference, output)?;
        }
    }
    for difference in compare_task(&now, results_are_missing(fleet, task, &now).await?) {
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

impl Verification {
    fn write(&self, output: &mut Output) -> Result<(), ProducerError> {
        match output.format {
            Format::Json => return output.json(self),
            Format::Ndjson => {
                note(&self.verdict());
                return Ok(());
            }
            Format::Table => {}
        }
        // The counts.
        let Counts {
            sets,
            items,
            artefacts,
        } = &self.counts;
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let tally = |name: &str, tally: &Tally| {
            let Tally {
                ok,
                failed,
                pending,
                without_raster,
            } = tally;
            let [ok, failed, pending, without] =
                [ok, failed, pending, without_raster].map(u32::to_string);
            vec![name.to_owned(), ok, failed, pending, without]
        };
        let rows = [
            row(["CELLS", "OK", "FAILED", "PENDING", "NO RASTER"]),
            tally("sets", sets),
            tally("items", items),
            row(["artefacts", &artefacts.to_string(), "-", "-", "-"]),
        ];
        let all_have = sets.without_raster + items.without_raster == 0;
        let rows = rows.map(|mut row: Vec<String>| {
            row.truncate(if all_have { 4 } else { 5 });
            row
        });
        output.table(None, &rows)?;
        // The first differences, and how many more there are.
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
                    "task {task}: {all} differences; producer verify {task} --repair repairs what can be repaired"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printed;
    use crate::fleet::task_record;

    fn verification(differences: Vec<Difference>, sent: Option<u32>) -> Verification {
        let mut found = BTreeMap::new();
        for difference in &differences {
            *found.entry(difference.kind).or_default() += 1;
        }
        let tally = Tally {
            ok: 3,
            failed: 0,
            pending: 1,
            without_raster: 0,
        };
        Verification {
            task: "rgb-1".parse().unwrap(),
            state: TaskState::Running,
            epoch: 1,
            sound: differences.is_empty(),
            counts: Counts {
                sets: tally,
                items: tally,
                artefacts: 3,
            },
            found,
            differences,
            sent,
        }
    }

    #[test]
    fn a_sound_task_has_only_counts() {
        let sound = verification(vec![], None);
        let text = printed(Format::Table, |output| sound.write(output));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn each_difference_is_shown_with_its_repair() {
        let record = TaskRecord {
            open_groups: [].into(),
            notified_epoch: 1,
            ..task_record()
        };
        let differences = compare_task(&record, true);
        let found = verification(differences.clone(), None);
        let repaired = verification(differences, Some(1));
        let text = [
            printed(Format::Table, |output| found.write(output)),
            printed(Format::Json, |output| found.write(output)),
            printed(Format::Table, |output| output.line(&repaired.verdict())),
        ]
        .concat();
        insta::assert_snapshot!(text);
    }
}
