//! Facts for tests.

use tilefleet_common::aws::{GroupMachine, GroupState, ScalingActivity};
use tilefleet_common::ledger::{
    CellHistory, OpenBreaker, Progress, TaskRecord, TaskState, WorkerRecord,
};

use super::facts::{CellFacts, Facts, GroupFacts, MessageCounts, OlderTask};
use crate::commands::cells::ShownState;
use crate::fleet::task_record;

const CELL: &str = "48RXT/2020-08-01/0";

pub(super) fn counts(waiting: u64, hidden: u64) -> MessageCounts {
    MessageCounts { waiting, hidden }
}

/// 300 of 800 cells are ok, and two machines work.
pub(super) fn moving() -> Facts {
    let machine = |id: &str| GroupMachine {
        id: id.to_owned(),
        lifecycle: "InService".to_owned(),
        protected: true,
    };
    let record = task_record();
    Facts {
        second: 0,
        task: "rgb-1".parse().unwrap(),
        progress: Progress {
            cells: record.cells,
            ok: 300,
            failed: 0,
            remaining: record.cells - 300,
            ..Progress::default()
        },
        record,
        queue: Some(counts(490, 10)),
        dead_letters: Some(counts(0, 0)),
        group: Some(GroupFacts {
            name: "t-workers".to_owned(),
            state: GroupState {
                desired: 2,
                least: 0,
                most: 10,
                machines: vec![machine("i-1"), machine("i-2")],
                suspended: ["AZRebalance".to_owned()].into(),
            },
            activities: vec![],
        }),
        older: vec![],
        workers: vec![],
        cell: None,
        unread: vec![],
    }
}

pub(super) fn stopped_behind_others() -> Facts {
    let mut facts = moving();
    if let Some(group) = &mut facts.group {
        group.state = GroupState {
            most: 10,
            suspended: ["AZRebalance", "AlarmNotification", "Launch"]
                .map(str::to_owned)
                .into(),
            ..GroupState::default()
        };
    }
    facts.queue = Some(counts(4_500, 0));
    facts.older = (2..6)
        .map(|number| OlderTask {
            task: format!("rgb-{number}").parse().unwrap(),
            cells: 1_000,
        })
        .collect();
    facts
}

pub(super) fn without_capacity() -> Facts {
    let mut facts = moving();
    if let Some(group) = &mut facts.group {
        group.state.machines.clear();
        group.activities = vec![ScalingActivity {
            description: "Launching a new EC2 instance".to_owned(),
            status: "Failed".to_owned(),
            message: "Could not launch Spot Instances. UnfulfillableCapacity".to_owned(),
            started_at: "2026-11-26T13:54:14Z".parse().ok(),
        }];
    }
    facts
}

pub(super) fn behind_a_breaker() -> Facts {
    let worker = |name: &str, since: &str, error: &str| WorkerRecord {
        worker: name.to_owned(),
        breakers: vec![OpenBreaker {
            dependency: "output bucket".to_owned(),
            blame: "service".to_owned(),
            since: since.to_owned(),
            error: error.to_owned(),
        }],
        ..WorkerRecord::default()
    };
    Facts {
        workers: vec![
            worker("w-1", "2026-11-26T13:55:00Z", "503 Slow Down"),
            worker("w-2", "2026-11-26T13:54:00Z", "503 SlowDown"),
        ],
        ..moving()
    }
}

pub(super) fn cancelled() -> Facts {
    with_record(TaskRecord {
        state: TaskState::Cancelled,
        reason: Some("wrong year".to_owned()),
        cancelled_at: Some("2026-11-26T14:00:00.000Z".to_owned()),
        cancels: 1,
        ..task_record()
    })
}

pub(super) fn notice_not_sent() -> Facts {
    let mut facts = complete(0);
    facts.record.notified_epoch = 0;
    facts.record.notice_error = Some("topic t-events does not exist".to_owned());
    facts
}

pub(super) fn complete(failed: u32) -> Facts {
    let record = task_record();
    let facts = with_record(TaskRecord {
        state: TaskState::Complete,
        notified_epoch: 1,
        ..record
    });
    let cells = facts.record.cells;
    Facts {
        progress: Progress {
            cells,
            ok: cells - failed,
            failed,
            ..Progress::default()
        },
        queue: Some(counts(0, 0)),
        ..facts
    }
}

pub(super) fn submit_unfinished() -> Facts {
    with_record(TaskRecord {
        submitted_at: None,
        ..task_record()
    })
}

fn with_record(record: TaskRecord) -> Facts {
    Facts { record, ..moving() }
}

pub(super) fn failed_twice() -> CellHistory {
    CellHistory {
        worker: Some("w-1".to_owned()),
        receives: 3,
        failures: 2,
        interruptions: 1,
        started_at: Some("2026-11-26T13:50:00.000Z".to_owned()),
        ended_at: Some("2026-11-26T13:54:14.000Z".to_owned()),
        error_code: Some("unreachable".to_owned()),
        error_message: Some("cannot reach s3".to_owned()),
        ..CellHistory::default()
    }
}

pub(super) fn with_cell(state: ShownState, history: Option<CellHistory>) -> Facts {
    Facts {
        cell: Some(CellFacts {
            cell: CELL.parse().unwrap(),
            ordinal: 7,
            state,
            history,
        }),
        ..moving()
    }
}

pub(super) fn with_held_cell() -> Facts {
    Facts {
        workers: vec![WorkerRecord {
            worker: "w-1".to_owned(),
            since: "2026-11-26T13:54:14Z".to_owned(),
            cell: Some(format!("rgb-1 {CELL}")),
            held: 1,
            phase: Some("fetching".to_owned()),
            ..WorkerRecord::default()
        }],
        ..with_cell(ShownState::Running, Some(failed_twice()))
    }
}
