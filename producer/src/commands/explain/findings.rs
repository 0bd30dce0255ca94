//! Why a task does not move: a list made from the facts alone.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tilefleet_common::deployment::VISIBILITY_TIMEOUT_S;
use tilefleet_common::domain::CellId;
use tilefleet_common::ledger::{CellHistory, TaskState, WorkerRecord};

use super::facts::{CellFacts, Facts, GroupFacts, MessageCounts};
use crate::commands::cells::ShownState;
use crate::fleet::WorkerTrouble;

/// The longest wait between two attempts of a cell.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Workers report once a minute. After so many seconds something keeps them from it.
const SILENT_S: i64 = 180;
/// Older tasks that are named.
const NAMED: usize = 3;

/// A cause, and the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// A short stable name.
    pub(super) cause: &'static str,
    pub(super) detail: String,
    /// A command to type, or what else to do; nothing if waiting is enough.
    pub(super) action: Option<String>,
}

impl Finding {
    fn new(cause: &'static str, detail: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            cause,
            detail: detail.into(),
            action: Some(action.into()),
        }
    }

    fn without_action(cause: &'static str, detail: impl Into<String>) -> Self {
        Self {
            cause,
            detail: detail.into(),
            action: None,
        }
    }
}

/// Why the task does not move; never empty. What keeps all cells comes before what keeps some.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found: Vec<Finding> = facts
        .unread
        .iter()
        .map(|error| Finding::new("not_readable", error.clone(), "producer doctor"))
        .collect();
    match facts.record.state {
        TaskState::Cancelled => found.push(cancelled(facts)),
        TaskState::Complete => found.extend(complete(facts)),
        TaskState::Running => {
            found.extend(submit(facts));
            found.extend(
                facts
                    .group
                    .as_ref()
                    .and_then(|group| machines(group, facts)),
            );
            found.extend(breakers(&facts.workers));
            found.extend(silent_workers(facts));
            found.extend(messages(facts));
        }
    }
    found.extend(dead_letters(facts));
    found.extend(failed_cells(facts));
    if let Some(cell) = &facts.cell {
        found.push(one_cell(facts, cell));
    }
    if found.is_empty() {
        found.push(Finding::new(
            "moving",
            "nothing that can be seen here keeps the task",
            format!("producer watch {}", facts.task),
        ));
    }
    found
}

fn cancelled(facts: &Facts) -> Finding {
    let record = &facts.record;
    if record.cancels_notified < record.cancels {
        let reason = record.reason.as_deref().unwrap_or("no reason");
        return Finding::new(
            "notice_not_sent",
            format!(
                "cancelled ({reason}), and its notice is not sent; the same cancel again sends it"
            ),
            format!("producer cancel {}", facts.task),
        );
    }
    Finding::new(
        "cancelled",
        format!(
            "cancelled at {}: {}",
            record.cancelled_at.as_deref().unwrap_or("?"),
            record.reason.as_deref().unwrap_or("no reason")
        ),
        format!("producer resume {}", facts.task),
    )
}

/// The notice of a complete task.
fn complete(facts: &Facts) -> Option<Finding> {
    let record = &facts.record;
    if record.notified_epoch < record.epoch {
        let why = record.notice_error.as_deref();
        return Some(Finding::new(
            "notice_not_sent",
            format!(
                "all cells have ended, and the notice is not sent: {}",
                why.unwrap_or("no worker has sent it yet")
            ),
            format!("producer resume {}", facts.task),
        ));
    }
    let clean = facts.progress.failed == 0;
    let cells = match facts.progress.without_raster() {
        0 => "all cells are ok".to_owned(),
        count => format!("no cell has failed, {count} have no raster"),
    };
    clean.then(|| Finding::without_action("complete", format!("{cells}, and the notice is sent")))
}

fn submit(facts: &Facts) -> Option<Finding> {
    let record = &facts.record;
    let lives = record
        .submitter_until
        .is_some_and(|until| until >= facts.second);
    record.submitted_at.is_none().then(|| {
        if lives {
            Finding::without_action("submit_goes_on", "the submit has not finished; its producer lives")
        } else {
            Finding::new(
                "submit_unfinished",
                "the submit was left unfinished: not all cells are in the queue; a worker that is idle completes it",
                format!("producer resume {}", facts.task),
            )
        }
    })
}

/// Why there are no machines.
fn machines(group: &GroupFacts, facts: &Facts) -> Option<Finding> {
    let GroupFacts { name, state, .. } = group;
    if state.is_stopped() {
        return Some(Finding::new(
            "fleet_stopped",
            format!("group {name} is stopped ({} suspended)", state.stopped_by()),
            "producer fleet start",
        ));
    }
    if state.most == 0 {
        return Some(Finding::new(
            "no_machines",
            format!("group {name} can have no machines at all"),
            "raise max_workers in terraform",
        ));
    }
    let waits = facts.queue.is_some_and(|queue| queue.waiting > 0);
    if state.desired == 0 {
        return waits.then(|| {
            Finding::new(
                "fleet_asleep",
                format!(
                    "group {name} wants no machines although messages wait; the scaling alarms order some within \
                     about 15 minutes"
                ),
                "producer fleet start",
            )
        });
    }
    (state.in_service() == 0).then(|| not_in_service(group))
}

/// Machines are wanted, and none is in service: they launch, or they cannot.
fn not_in_service(group: &GroupFacts) -> Finding {
    let GroupFacts {
        name,
        state,
        activities,
    } = group;
    let detail = format!(
        "group {name} wants {} machines and has none in service",
        state.desired
    );
    // What came before a launch that succeeded is over.
    let failed = activities
        .first()
        .filter(|last| matches!(last.status.as_str(), "Failed" | "Cancelled"));
    match failed {
        Some(failed) => Finding::new(
            "no_machines",
            format!(
                "{detail}; at {}: {}: {}",
                or_unknown(failed.started_at),
                failed.description,
                failed.message
            ),
            "wait for capacity, raise the quota, or add instance_types in terraform; producer fleet status shows the \
             group",
        ),
        None => Finding::new(
            "no_machines_yet",
            format!("{detail} yet: {} launch", state.machines.len()),
            "producer fleet status",
        ),
    }
}

/// Open breakers, each once.
fn breakers(workers: &[WorkerRecord]) -> Vec<Finding> {
    let finding = |trouble: WorkerTrouble| {
        if trouble.passes {
            Finding::without_action("breaker_open", trouble.to_string())
        } else {
            Finding::new("breaker_open", trouble.to_string(), "producer doctor")
        }
    };
    WorkerTrouble::of(workers)
        .into_iter()
        .map(finding)
        .collect()
}

/// Workers that were there within the hour and say nothing any more, although there is work.
fn silent_workers(facts: &Facts) -> Option<Finding> {
    let last = facts.workers.iter().map(|worker| &worker.seen_at).max()?;
    let moment: Timestamp = last.parse().ok()?;
    let silent = facts.second.saturating_sub(moment.as_second());
    let has_work = facts.queue.is_some_and(|queue| queue.all() > 0);
    (has_work && silent > SILENT_S).then(|| {
        Finding::new(
            "workers_silent",
            format!("no worker has reported since {last}: they have ended, or cannot write to the ledger"),
            "the workers' logs; producer doctor",
        )
    })
}

/// Where the messages of a running task are.
fn messages(facts: &Facts) -> Vec<Finding> {
    let (task, remaining) = (&facts.task, u64::from(facts.progress.remaining));
    let (Some(queue), true) = (facts.queue, remaining > 0) else {
        return vec![];
    };
    let mut found = vec![];
    if queue.all() == 0 {
        let elsewhere = facts.dead_letters.is_some_and(|dead| dead.all() > 0);
        let why = if elsewhere {
            "their messages are dead letters, lost, purged or too old"
        } else {
            "their messages are lost, purged or too old"
        };
        found.push(Finding::new(
            "no_messages",
            format!("{remaining} cells are open and the queue is empty: {why}"),
            format!("producer resume {task}"),
        ));
    } else if queue.waiting == 0 {
        found.push(Finding::new(
            "messages_hidden",
            format!(
                "all {} messages are hidden: workers hold them, or they wait for another attempt. Those of a worker \
                 that died come back within {VISIBILITY_TIMEOUT_S} s, those of a failed attempt within 15 minutes",
                queue.hidden
            ),
            format!("producer cells {task} --state running"),
        ));
    }
    if queue.all() > remaining && !facts.older.is_empty() {
        found.push(tasks_ahead(facts, queue.all()));
    }
    found
}

fn tasks_ahead(facts: &Facts, messages: u64) -> Finding {
    let names: Vec<String> = facts
        .older
        .iter()
        .take(NAMED)
        .map(|older| format!("{} ({} cells)", older.task, older.cells))
        .collect();
    let more = match facts.older.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Finding::new(
        "tasks_ahead",
        format!(
            "the queue has about {messages} messages, of which at most {} belong to this task. Older tasks run: {}{more}",
            facts.progress.remaining,
            names.join(", ")
        ),
        "producer list; producer cancel TASK puts one aside",
    )
}

fn dead_letters(facts: &Facts) -> Option<Finding> {
    let count = facts.dead_letters.map_or(0, MessageCounts::all);
    (count > 0).then(|| {
        Finding::new(
            "dead_letters",
            format!(
                "{count} messages of this or other tasks are dead letters; a worker that runs judges them, and sends \
                 those again whose cells are not to blame"
            ),
            "producer dlq list; start a worker, or give the cells up with producer dlq drain",
        )
    })
}

fn failed_cells(facts: &Facts) -> Option<Finding> {
    let (failed, task) = (facts.progress.failed, &facts.task);
    (failed > 0).then(|| {
        Finding::new(
            "failed_cells",
            format!("{failed} cells have failed"),
            if facts.record.state == TaskState::Cancelled {
                format!("producer cells {task} --state failed; producer resume {task}, then producer retry {task}")
            } else {
                format!("producer cells {task} --state failed, then producer retry {task}")
            },
        )
    })
}

/// What keeps the cell that was asked for.
fn one_cell(facts: &Facts, facts_of_cell: &CellFacts) -> Finding {
    let CellFacts {
        cell,
        state,
        history,
        ..
    } = facts_of_cell;
    let task = &facts.task;
    let name = format!("{task} {cell}");
    let holder = facts
        .workers
        .iter()
        .find(|worker| worker.cell.as_deref() == Some(&name));
    match (state, history, holder) {
        (ShownState::Ok, ..) => Finding::without_action("cell_ok", format!("{cell} is ok")),
        (ShownState::Failed, history, _) => Finding::new(
            "cell_failed",
            format!(
                "{cell} failed: {}",
                history
                    .as_ref()
                    .and_then(|history| history.error_message.as_deref())
                    .unwrap_or("no worker recorded why")
            ),
            format!("producer retry {task} --cell {cell}"),
        ),
        (_, _, Some(worker)) => Finding::without_action(
            "cell_held",
            format!(
                "{} processes {cell}: {}",
                worker.worker,
                worker.phase.as_deref().unwrap_or("?")
            ),
        ),
        (_, None, _) => {
            Finding::without_action("cell_not_begun", format!("no worker has begun {cell}"))
        }
        (_, Some(history), None) => last_attempt(*cell, history),
    }
}

/// What became of the last attempt at a cell that no worker says it holds.
fn last_attempt(cell: CellId, history: &CellHistory) -> Finding {
    let until = hidden_until(history.ended_at.as_deref());
    match until {
        // All moments are written in the same form.
        Some(until) if history.ended_at >= history.started_at => Finding::without_action(
            "cell_hidden",
            format!(
                "{cell} had {} failures; its message is hidden until {until} at the latest",
                history.failures
            ),
        ),
        _ => Finding::without_action(
            "cell_begun",
            format!(
                "{} began {cell} at {}; if it has died, the message comes back within {VISIBILITY_TIMEOUT_S} s",
                history.worker.as_deref().unwrap_or("a worker"),
                history.started_at.as_deref().unwrap_or("?")
            ),
        ),
    }
}

/// The latest moment at which the message of a cell comes back whose last attempt ended then.
fn hidden_until(ended_at: Option<&str>) -> Option<Timestamp> {
    let ended: Timestamp = ended_at?.parse().ok()?;
    ended.checked_add(LONGEST_WAIT).ok()
}

fn or_unknown(moment: Option<Timestamp>) -> String {
    moment.map_or_else(|| "an unknown time".to_owned(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// One line for each finding.
    fn told(facts: &Facts) -> String {
        let line = |finding: &Finding| {
            let action = finding.action.as_deref().unwrap_or("-");
            format!("{}: {}\n    {action}", finding.cause, finding.detail)
        };
        let lines: Vec<String> = findings(facts).iter().map(line).collect();
        lines.join("\n")
    }

    #[test]
    fn a_task_that_moves_is_watched() {
        insta::assert_snapshot!(told(&sample::moving()));
    }

    #[test]
    fn a_stopped_fleet_comes_before_other_causes() {
        insta::assert_snapshot!(told(&sample::stopped_behind_others()));
    }

    #[test]
    fn machines_that_cannot_launch_say_why() {
        insta::assert_snapshot!(told(&sample::without_capacity()));
    }

    #[test]
    fn machines_that_launch_are_not_a_fault() {
        let mut facts = sample::without_capacity();
        if let Some(group) = &mut facts.group {
            group.activities.clear();
        }
        insta::assert_snapshot!(told(&facts));
    }

    #[test]
    fn a_sleeping_fleet_with_messages_is_woken() {
        let mut facts = sample::moving();
        if let Some(group) = &mut facts.group {
            (group.state.desired, group.state.machines) = (0, vec![]);
        }
        insta::assert_snapshot!(told(&facts));
    }

    #[test]
    fn an_open_breaker_is_told_once_for_all_workers() {
        insta::assert_snapshot!(told(&sample::behind_a_breaker()));
    }

    #[test]
    fn messages_are_hidden_lost_or_dead() {
        let with = |waiting, hidden, dead| {
            let mut facts = sample::moving();
            facts.queue = Some(sample::counts(waiting, hidden));
            facts.dead_letters = Some(sample::counts(dead, 0));
            told(&facts)
        };
        insta::assert_snapshot!([with(0, 3, 0), with(0, 0, 0), with(0, 0, 2)].join("\n--\n"));
    }

    #[test]
    fn a_task_that_does_not_run_says_what_it_waits_for() {
        let all = [
            sample::cancelled(),
            sample::notice_not_sent(),
            sample::complete(0),
            sample::complete(3),
            sample::submit_unfinished(),
        ];
        insta::assert_snapshot!(all.each_ref().map(told).join("\n--\n"));
    }

    #[test]
    fn what_cannot_be_read_hides_nothing_else() {
        let mut facts = sample::cancelled();
        facts.unread = vec!["queue https://sqs/t-cells does not exist".to_owned()];
        insta::assert_snapshot!(told(&facts));
    }

    #[test]
    fn a_cell_says_who_holds_it_or_when_it_comes_back() {
        let begun_again = CellHistory {
            started_at: Some("2026-11-26T14:00:00.000Z".to_owned()),
            ..sample::failed_twice()
        };
        let all = [
            sample::with_cell(ShownState::Pending, None),
            sample::with_cell(ShownState::Running, Some(sample::failed_twice())),
            sample::with_cell(ShownState::Running, Some(begun_again)),
            sample::with_cell(ShownState::Failed, Some(sample::failed_twice())),
            sample::with_cell(ShownState::Ok, None),
            sample::with_held_cell(),
        ];
        insta::assert_snapshot!(all.each_ref().map(told).join("\n--\n"));
    }
}
