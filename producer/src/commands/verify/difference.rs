//! The differences between the sets of a task's shards, the items of its cells and their artefacts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tilefleet_common::aws::Head;
use tilefleet_common::dispatch::Shard;
use tilefleet_common::domain::{Artefact, Cell, CellId};
use tilefleet_common::ledger::{
    CellRecord, CellState, NoRaster, Open, ShardRecord, TaskRecord, TaskState,
};

use super::artefacts::Heads;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DifferenceKind {
    /// The group of these shards is gone, or no submit has created it.
    GroupMissing,
    /// No submit has created this shard.
    ShardMissing,
    /// Cells of the shard became pending, but not all of them were sent.
    NotEnqueued,
    /// The sets name a cell of another shard.
    ForeignOrdinal,
    /// The shard has no pending cells, but is not closed.
    ShardNotClosed,
    /// The group has no open shards, but is not closed.
    GroupNotClosed,
    /// The shard has pending cells, but the task does not wait for it.
    ShardNotOpen,
    /// Counted as ok, but no item says so.
    OkWithoutResult,
    /// The item says ok, but an artefact does not exist, or the item names none.
    ArtefactMissing,
    /// An artefact has another entity tag or length than the item says.
    ArtefactDiffers,
    /// The artefacts are not where the manifest wants them.
    ArtefactElsewhere,
    /// The item says ok and the artefacts exist, but the sets do not count it yet.
    OkButPending,
    /// The item says ok and the artefacts exist, but the sets count it as failed: one worker was
    /// slow, and another gave up.
    OkButFailed,
    /// The item and the sets say ok, but only one of them that there is no raster, or they say it for
    /// other reasons.
    EndDiffers,
    /// The cell is pending, but the queue is empty.
    PendingWithoutMessage,
    /// The cell is pending, but the task is complete.
    PendingInComplete,
    /// No group is open, but the task is not complete.
    NotCompleted,
    /// The task is complete, but its notice is not sent.
    NoticeOwed,
    /// The results list that the notice names does not exist.
    ResultsMissing,
}

impl DifferenceKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GroupMissing => "group_missing",
            Self::ShardMissing => "shard_missing",
            Self::NotEnqueued => "not_enqueued",
            Self::ForeignOrdinal => "foreign_ordinal",
            Self::ShardNotClosed => "shard_not_closed",
            Self::GroupNotClosed => "group_not_closed",
            Self::ShardNotOpen => "shard_not_open",
            Self::OkWithoutResult => "ok_without_result",
            Self::ArtefactMissing => "artefact_missing",
            Self::ArtefactDiffers => "artefact_differs",
            Self::ArtefactElsewhere => "artefact_elsewhere",
            Self::OkButPending => "ok_but_pending",
            Self::OkButFailed => "ok_but_failed",
            Self::EndDiffers => "end_differs",
            Self::PendingWithoutMessage => "pending_without_message",
            Self::PendingInComplete => "pending_in_complete",
            Self::NotCompleted => "not_completed",
            Self::NoticeOwed => "notice_owed",
            Self::ResultsMissing => "results_missing",
        }
    }

    /// Whether a running worker causes it for a moment, between two steps.
    pub(super) fn is_transient(self) -> bool {
        matches!(self, Self::OkButPending | Self::PendingWithoutMessage)
    }
}

/// What repairs a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// There is no safe repair.
    None,
    /// Create the shard or the group, as a submit does.
    Create,
    /// Send a message of the cell; its receiver carries the protocol to its end.
    Send,
    /// Make the cell pending again, as a retry does, and send it.
    Reopen,
    /// The same, and the cell's item is not ok any more.
    Lose {
        cell: CellId,
        artefacts: Vec<Artefact>,
        why: String,
    },
}

impl Repair {
    fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Create => "create",
            Self::Send => "send",
            Self::Reopen => "retry",
            Self::Lose { .. } => "make_again",
        }
    }
}

/// A task as far as its own items tell: its header, and what is open in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskView<'a> {
    pub(super) record: &'a TaskRecord,
    pub(super) open: &'a Open,
}

impl TaskView<'_> {
    /// Whether the task does not wait for the pending cells of the shard.
    fn is_closed_early(self, shard: u32, sets: &ShardRecord) -> bool {
        let open = self.open.shards.contains(&shard);
        self.record.state == TaskState::Running && !open && !sets.pending.is_empty()
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) kind: DifferenceKind,
    pub(super) shard: Option<u32>,
    pub(super) ordinal: Option<u32>,
    cell: Option<CellId>,
    detail: String,
    #[serde(serialize_with = "repair_name")]
    pub(super) repair: Repair,
}

fn repair_name<S: serde::Serializer>(repair: &Repair, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(repair.name())
}

impl Difference {
    pub(super) fn of_task(kind: DifferenceKind, detail: String, repair: Repair) -> Self {
        Self {
            kind,
            shard: None,
            ordinal: None,
            cell: None,
            detail,
            repair,
        }
    }

    pub(super) fn of_shard(
        kind: DifferenceKind,
        shard: u32,
        detail: String,
        repair: Repair,
    ) -> Self {
        Self {
            shard: Some(shard),
            ..Self::of_task(kind, detail, repair)
        }
    }

    pub(super) fn row(&self) -> Vec<String> {
        let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            self.kind.name().to_owned(),
            or(self.shard.map(|shard| shard.to_string())),
            or(self.ordinal.map(|ordinal| ordinal.to_string())),
            or(self.cell.map(|cell| cell.to_string())),
            self.detail.clone(),
            self.repair.name().to_owned(),
        ]
    }

    /// Whether the difference still exists, now that the shard's item is `now`. Only a transient
    /// one can have gone.
    pub(super) fn is_still_so(&self, now: Option<&ShardRecord>) -> bool {
        let pending = |ordinal| now.is_none_or(|now| now.pending.contains(&ordinal));
        !self.kind.is_transient() || self.ordinal.is_none_or(pending)
    }
}

/// Numbers of cells by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) ok: u32,
    pub(super) failed: u32,
    pub(super) pending: u32,
    /// Ended well without a raster.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) without_raster: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How many cells are in which state according to the sets and to the items, and how many artefacts
/// are as their items say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) sets: Tally,
    pub(super) items: Tally,
    pub(super) artefacts: u32,
}

/// The differences of a shard: between its sets, its cells' items and `heads`, what S3 says of
/// their artefacts. Adds its cells to `counts`.
pub(super) fn compare_shard(
    task: TaskView<'_>,
    shard: &Shard,
    heads: &BTreeMap<u32, Heads>,
    queue_is_empty: bool,
    counts: &mut Counts,
) -> Vec<Difference> {
    let (record, number) = (task.record, shard.number);
    // A shard without an item has no sets to compare.
    let Some(sets) = &shard.sets else {
        counts.sets.pending += u32::try_from(shard.cells.len()).unwrap_or(u32::MAX);
        counts.items.pending += u32::try_from(shard.cells.len()).unwrap_or(u32::MAX);
        let repair = if record.state == TaskState::Running {
            Repair::Create
        } else {
            Repair::None
        };
        let detail = format!("its {} cells were never sent", shard.cells.len());
        return vec![Difference::of_shard(
            DifferenceKind::ShardMissing,
            number,
            detail,
            repair,
        )];
    };
    // The sets as a whole, then each cell.
    let mut found = compare_sets(task, shard, sets);
    let closed_early = task.is_closed_early(number, sets);
    for (ordinal, cell) in &shard.cells {
        let difference = CellEvidence {
            record,
            sets,
            ordinal: *ordinal,
            cell,
            item: shard.items.get(ordinal),
            heads: heads.get(ordinal),
            without_message: queue_is_empty && sets.enqueued && !closed_early,
        }
        .judge(counts)
        .map(|(kind, detail, repair)| Difference {
            ordinal: Some(*ordinal),
            cell: Some(cell.id),
            ..Difference::of_shard(kind, number, detail, repair)
        });
        found.extend(difference);
    }
    found
}

/// The differences of a shard's sets as a whole.
fn compare_sets(task: TaskView<'_>, shard: &Shard, sets: &ShardRecord) -> Vec<Difference> {
    let (record, number) = (task.record, shard.number);
    let mut found = vec![];
    // The sets name only cells of this shard.
    let own: BTreeSet<u32> = shard.cells.iter().map(|(ordinal, _)| *ordinal).collect();
    let without = &sets.outside_area | &sets.too_few_valid;
    for ordinal in (&(&sets.pending | &sets.failed) | &without).difference(&own) {
        let detail = "its sets name a cell of another shard".to_owned();
        let foreign =
            Difference::of_shard(DifferenceKind::ForeignOrdinal, number, detail, Repair::None);
        found.push(Difference {
            ordinal: Some(*ordinal),
            ..foreign
        });
    }
    // A shard with pending cells is enqueued.
    if record.state == TaskState::Running && !sets.enqueued && !sets.pending.is_empty() {
        let detail = format!("{} pending cells, not all of them sent", sets.pending.len());
        found.push(Difference::of_shard(
            DifferenceKind::NotEnqueued,
            number,
            detail,
            Repair::Send,
        ));
    }
    // The task waits for a shard exactly while it has pending cells.
    let open = task.open.shards.contains(&number);
    if open && sets.pending.is_empty() && record.state != TaskState::Cancelled {
        let detail = "no cell is pending, but the shard is not closed".to_owned();
        found.push(Difference::of_shard(
            DifferenceKind::ShardNotClosed,
            number,
            detail,
            Repair::Send,
        ));
    }
    if task.is_closed_early(number, sets) {
        let detail = format!(
            "{} pending cells, but the task does not wait for them",
            sets.pending.len()
        );
        found.push(Difference::of_shard(
            DifferenceKind::ShardNotOpen,
            number,
            detail,
            Repair::Reopen,
        ));
    }
    found
}

/// What sets, item and artefacts say of one cell.
struct CellEvidence<'a> {
    record: &'a TaskRecord,
    sets: &'a ShardRecord,
    ordinal: u32,
    /// The cell as the manifest has it.
    cell: &'a Cell,
    item: Option<&'a CellRecord>,
    heads: Option<&'a Heads>,
    without_message: bool,
}

impl CellEvidence<'_> {
    fn judge(&self, counts: &mut Counts) -> Option<(DifferenceKind, String, Repair)> {
        let (pending, failed) = (
            self.sets.pending.contains(&self.ordinal),
            self.sets.failed.contains(&self.ordinal),
        );
        let tally = match (failed, pending) {
            (true, _) => &mut counts.sets.failed,
            (_, true) => &mut counts.sets.pending,
            _ if self.sets.without_raster(self.ordinal).is_some() => {
                &mut counts.sets.without_raster
            }
            _ => &mut counts.sets.ok,
        };
        *tally += 1;
        match self.item.map(|item| item.state) {
            Some(CellState::Ok) if self.says_no_raster() => counts.items.without_raster += 1,
            Some(CellState::Ok) => counts.items.ok += 1,
            Some(CellState::Failed) => counts.items.failed += 1,
            Some(CellState::Running) | None => counts.items.pending += 1,
        }
        match self.item.filter(|item| item.state == CellState::Ok) {
            Some(item) => {
                let fault = self.artefact_fault(item);
                if fault.is_some() {
                    return fault;
                }
                let artefacts = item.history.artefacts.len();
                counts.artefacts += u32::try_from(artefacts).unwrap_or(u32::MAX);
                self.with_artefacts(pending, failed)
                    .or_else(|| self.other_end(item, pending || failed))
            }
            None => self.without_artefacts(pending, failed),
        }
    }

    /// Whether the item says that the cell ended well without a raster.
    fn says_no_raster(&self) -> bool {
        let end = self.item.map(|item| item.history.without_raster);
        end.flatten().is_some()
    }

    /// Whether item and sets say different things of a cell that is ok.
    fn other_end(&self, item: &CellRecord, open: bool) -> Option<(DifferenceKind, String, Repair)> {
        let (counted, says) = (
            self.sets.without_raster(self.ordinal),
            item.history.without_raster,
        );
        if open || counted == says {
            return None;
        }
        let name = |end: Option<NoRaster>| end.map_or("ok", NoRaster::name);
        let detail = format!(
            "its item says {}, but it is counted as {}",
            name(says),
            name(counted)
        );
        let repair = if self.record.state == TaskState::Cancelled {
            Repair::None
        } else {
            Repair::Reopen
        };
        Some((DifferenceKind::EndDiffers, detail, repair))
    }

    /// What is wrong with the artefacts of a cell whose item says ok. The first fault counts: its
    /// repair makes all of them again.
    fn artefact_fault(&self, item: &CellRecord) -> Option<(DifferenceKind, String, Repair)> {
        let history = &item.history;
        let fault = match &history.output {
            Some(output) if *output != self.cell.output => {
                let wanted = &self.cell.output;
                let why = format!("its artefacts are below {output} instead of {wanted}");
                Some((DifferenceKind::ArtefactElsewhere, why))
            }
            _ if history.without_raster.is_some() => None,
            Some(output) if !history.artefacts.is_empty() => {
                let faults = history.artefacts.iter().map(|artefact| {
                    let named = format!("{} {}", artefact.role, artefact.address(output));
                    self.fault_of(artefact, &named)
                });
                faults.flatten().next()
            }
            _ => {
                let why = "its item names no artefact".to_owned();
                Some((DifferenceKind::ArtefactMissing, why))
            }
        };
        let (kind, why) = fault?;
        let repair = if self.record.state == TaskState::Cancelled {
            Repair::None
        } else {
            Repair::Lose {
                cell: item.cell,
                artefacts: history.artefacts.clone(),
                why: why.clone(),
            }
        };
        Some((kind, why, repair))
    }

    /// What is wrong with one artefact, which the message calls `named`.
    fn fault_of(&self, artefact: &Artefact, named: &str) -> Option<(DifferenceKind, String)> {
        let head = self.heads.and_then(|heads| heads.get(&artefact.location));
        let Artefact { etag, bytes, .. } = artefact;
        match head.and_then(Option::as_ref) {
            None => Some((
                DifferenceKind::ArtefactMissing,
                format!("{named} does not exist"),
            )),
            Some(Head {
                etag: there,
                bytes: length,
            }) if there != etag || length != bytes => Some((
                DifferenceKind::ArtefactDiffers,
                format!("{named} is {length} bytes {there} instead of {bytes} bytes {etag}"),
            )),
            Some(_) => None,
        }
    }

    /// What is wrong with a cell whose artefacts are as its item says.
    fn with_artefacts(
        &self,
        pending: bool,
        failed: bool,
    ) -> Option<(DifferenceKind, String, Repair)> {
        let detail = || "its artefacts exist and its item says ok".to_owned();
        match (self.record.state, pending, failed) {
            (TaskState::Cancelled, ..) | (_, false, false) => None,
            // The notice has counted the cell as failed, so another notice has to correct that.
            (TaskState::Complete, ..) if failed => {
                Some((DifferenceKind::OkButFailed, detail(), Repair::Reopen))
            }
            (TaskState::Complete, ..) => {
                Some((DifferenceKind::PendingInComplete, detail(), Repair::Reopen))
            }
            (TaskState::Running, _, true) => {
                Some((DifferenceKind::OkButFailed, detail(), Repair::Send))
            }
            (TaskState::Running, true, false) => {
                Some((DifferenceKind::OkButPending, detail(), Repair::Send))
            }
        }
    }

    /// What is wrong with a cell whose item does not say ok.
    fn without_artefacts(
        &self,
        pending: bool,
        failed: bool,
    ) -> Option<(DifferenceKind, String, Repair)> {
        match (self.record.state, pending) {
            _ if failed => None,
            (TaskState::Complete, true) => Some((
                DifferenceKind::PendingInComplete,
                "no worker will process it".to_owned(),
                Repair::Reopen,
            )),
            (TaskState::Running, true) if self.without_message => Some((
                DifferenceKind::PendingWithoutMessage,
                "the queue is empty".to_owned(),
                Repair::Send,
            )),
            (TaskState::Running | TaskState::Cancelled, true) => None,
            (state, false) => {
                let says = match self.item {
                    None => "it has no item".to_owned(),
                    Some(item) => format!("its item says {}", item.state.name()),
                };
                let repair = if state == TaskState::Cancelled {
                    Repair::None
                } else {
                    Repair::Reopen
                };
                Some((DifferenceKind::OkWithoutResult, says, repair))
            }
        }
    }
}
