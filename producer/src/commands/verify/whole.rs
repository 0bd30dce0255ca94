//! The differences of a task as a whole: between its header, its groups and its results list.

use std::collections::BTreeMap;

use tilefleet_common::ledger::{GroupRecord, TaskRecord, TaskState};

use super::difference::{Difference, DifferenceKind, Repair, TaskView};

/// The differences between a task's header and its groups, which are `there`. Each names the first
/// shard of its group.
pub(super) fn compare_groups(
    task: TaskView<'_>,
    there: &BTreeMap<u32, GroupRecord>,
) -> Vec<Difference> {
    let TaskView { record, open } = task;
    if record.state == TaskState::Cancelled {
        return vec![];
    }
    let missing = (0..record.group_count()).filter(|group| !there.contains_key(group));
    let missing = missing.map(|group| {
        let shards = record.shards_of(group);
        let detail = format!("the group of {} shards is not there", shards.len());
        Difference::of_shard(
            DifferenceKind::GroupMissing,
            shards.start,
            detail,
            Repair::Create,
        )
    });
    let unclosed = open.unclosed.iter().map(|&first| {
        let detail = "no shard of its group is open, but the group is not closed".to_owned();
        Difference::of_shard(DifferenceKind::GroupNotClosed, first, detail, Repair::Send)
    });
    missing.chain(unclosed).collect()
}

/// The differences within the task's own item, and between it and its results list.
pub(super) fn compare_task(record: &TaskRecord, results_missing: bool) -> Vec<Difference> {
    let mut found = vec![];
    if record.state == TaskState::Running && record.open_groups.is_empty() {
        let detail = "all groups are closed, but the task is not complete".to_owned();
        found.push(Difference::of_task(
            DifferenceKind::NotCompleted,
            detail,
            Repair::Send,
        ));
    }
    if record.owes_notice() {
        let why = record.notice_error.as_deref().unwrap_or("not sent yet");
        found.push(Difference::of_task(
            DifferenceKind::NoticeOwed,
            why.to_owned(),
            Repair::Send,
        ));
    }
    if results_missing {
        let detail = format!(
            "the notice of epoch {} names a list that does not exist",
            record.notified_epoch
        );
        found.push(Difference::of_task(
            DifferenceKind::ResultsMissing,
            detail,
            Repair::None,
        ));
    }
    found
}
