//! Where the sets of a task's shards, the items of its cells and its rasters do not agree.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tilefleet_common::aws::Head;
use tilefleet_common::domain::CellId;
use tilefleet_common::ledger::{CellRecord, CellState, ShardRecord, TaskRecord, TaskState};

use crate::fleet::Shard;

/// What does not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The submit has not come to this shard.
    ShardMissing,
    /// Cells of the shard became pending and were not sent.
    NotEnqueued,
    /// The sets name a cell that is not the shard's.
    ForeignOrdinal,
    /// Nobody has closed a shard without pending cells.
    ShardNotClosed,
    /// A shard with pending cells does not keep the task from completing.
    ShardNotOpen,
    /// Counted as ok, but no item says so.
    OkWithoutResult,
    /// The item says ok, and the raster is not there.
    RasterMissing,
    /// The raster has another entity tag or length than the item says.
    RasterDiffers,
    /// The item says ok and the raster is there, but it is not counted yet.
    OkButPending,
    /// The item says ok and the raster is there, but it counts as failed: a worker was slow, and
    /// another gave up.
    OkButFailed,
    /// Pending, and the queue is empty.
    PendingWithoutMessage,
    /// Pending, and the task is complete.
    PendingInComplete,
    /// No shard is open, and the task is not complete.
    NotCompleted,
    /// The task is complete and its notice has not gone out.
    NoticeOwed,
    /// The list of results that the notice names is not there.
    ResultsMissing,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ShardMissing => "shard_missing",
            Self::NotEnqueued => "not_enqueued",
            Self::ForeignOrdinal => "foreign_ordinal",
            Self::ShardNotClosed => "shard_not_closed",
            Self::ShardNotOpen => "shard_not_open",
            Self::OkWithoutResult => "ok_without_result",
            Self::RasterMissing => "raster_missing",
            Self::RasterDiffers => "raster_differs",
            Self::OkButPending => "ok_but_pending",
            Self::OkButFailed => "ok_but_failed",
            Self::PendingWithoutMessage => "pending_without_message",
            Self::PendingInComplete => "pending_in_complete",
            Self::NotCompleted => "not_completed",
            Self::NoticeOwed => "notice_owed",
            Self::ResultsMissing => "results_missing",
        }
    }

    /// Whether a worker that is at it makes it look so for a moment.
    pub(super) fn is_of_a_moment(self) -> bool {
        matches!(self, Self::OkButPending | Self::PendingWithoutMessage)
    }
}

/// What mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// Nothing safe.
    None,
    /// The shard comes into being, as a submit makes it.
    Create,
    /// A message of the cell; whoever receives it carries the protocol to its end.
    Send,
    /// The cell is pending again, as by a retry, and is sent.
    Reopen,
    /// The same, and its item is not ok any more.
    Lose {
        cell: CellId,
        etag: String,
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

/// One thing that does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) kind: Kind,
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
    fn of_task(kind: Kind, detail: String, repair: Repair) -> Self {
        Self {
            kind,
            shard: None,
            ordinal: None,
            cell: None,
            detail,
            repair,
        }
    }

    fn of_shard(kind: Kind, shard: u32, detail: String, repair: Repair) -> Self {
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

    /// Whether a difference of a moment is still there, the shard being `now` like this.
    pub(super) fn is_still_so(&self, now: Option<&ShardRecord>) -> bool {
        let pending = |ordinal| now.is_none_or(|now| now.pending.contains(&ordinal));
        !self.kind.is_of_a_moment() || self.ordinal.is_none_or(pending)
    }
}

/// Cells by where they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    pub(super) ok: u32,
    pub(super) failed: u32,
    pub(super) pending: u32,
}

/// How many cells stand where, after the sets, after the items, and how many rasters are as their
/// items say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    pub(super) sets: Tally,
    #[serde(rename = "items")]
    pub(super) rows: Tally,
    pub(super) rasters: u32,
}

/// What a shard's sets, its cells' items and their rasters, as `seen`, do not agree in.
pub(super) fn of_shard(
    record: &TaskRecord,
    shard: &Shard,
    seen: &BTreeMap<u32, Option<Head>>,
    queue_is_empty: bool,
    counts: &mut Counts,
) -> Vec<Difference> {
    let number = shard.number;
    let Some(sets) = &shard.sets else {
        counts.sets.pending += u32::try_from(shard.cells.len()).unwrap_or(u32::MAX);
        counts.rows.pending += u32::try_from(shard.cells.len()).unwrap_or(u32::MAX);
        let repair = if record.state == TaskState::Running {
            Repair::Create
        } else {
            Repair::None
        };
        let detail = format!("its {} cells were never sent", shard.cells.len());
        return vec![Difference::of_shard(
            Kind::ShardMissing,
            number,
            detail,
            repair,
        )];
    };
    let mut found = vec![];
    let own: BTreeSet<u32> = shard.cells.iter().map(|(ordinal, _)| *ordinal).collect();
    for ordinal in (&sets.pending | &sets.failed).difference(&own) {
        let detail = "its sets name a cell of another shard".to_owned();
        let foreign = Difference::of_shard(Kind::ForeignOrdinal, number, detail, Repair::None);
        found.push(Difference {
            ordinal: Some(*ordinal),
            ..foreign
        });
    }
    if record.state == TaskState::Running && !sets.enqueued && !sets.pending.is_empty() {
        let detail = format!("{} pending cells, not all of them sent", sets.pending.len());
        found.push(Difference::of_shard(
            Kind::NotEnqueued,
            number,
            detail,
            Repair::Send,
        ));
    }
    let open = record.open_shards.contains(&number);
    if open && sets.pending.is_empty() && record.state != TaskState::Cancelled {
        let detail = "no cell is pending, but nobody has closed it".to_owned();
        found.push(Difference::of_shard(
            Kind::ShardNotClosed,
            number,
            detail,
            Repair::Send,
        ));
    }
    let closed_early = !open && !sets.pending.is_empty() && record.state == TaskState::Running;
    if closed_early {
        let detail = format!(
            "{} pending cells, but the task does not wait for them",
            sets.pending.len()
        );
        found.push(Difference::of_shard(
            Kind::ShardNotOpen,
            number,
            detail,
            Repair::Reopen,
        ));
    }
    for (ordinal, cell) in &shard.cells {
        let row = shard.rows.get(ordinal);
        let cell = Claim {
            record,
            sets,
            ordinal: *ordinal,
            row,
            head: seen.get(ordinal).and_then(Option::as_ref),
            without_message: queue_is_empty && sets.enqueued && !closed_early,
        }
        .judge(counts)
        .map(|(kind, detail, repair)| Difference {
            ordinal: Some(*ordinal),
            cell: Some(cell.id),
            ..Difference::of_shard(kind, number, detail, repair)
        });
        found.extend(cell);
    }
    found
}

/// A cell, with all that is said of it.
struct Claim<'a> {
    record: &'a TaskRecord,
    sets: &'a ShardRecord,
    ordinal: u32,
    row: Option<&'a CellRecord>,
    head: Option<&'a Head>,
    without_message: bool,
}

impl Claim<'_> {
    fn judge(&self, counts: &mut Counts) -> Option<(Kind, String, Repair)> {
        let (pending, failed) = (
            self.sets.pending.contains(&self.ordinal),
            self.sets.failed.contains(&self.ordinal),
        );
        let tally = match (failed, pending) {
            (true, _) => &mut counts.sets.failed,
            (_, true) => &mut counts.sets.pending,
            _ => &mut counts.sets.ok,
        };
        *tally += 1;
        match self.row.map(|row| row.state) {
            Some(CellState::Ok) => counts.rows.ok += 1,
            Some(CellState::Failed) => counts.rows.failed += 1,
            Some(CellState::Running) | None => counts.rows.pending += 1,
        }
        match self.row.filter(|row| row.state == CellState::Ok) {
            Some(row) => {
                let fault = self.raster_fault(row);
                if fault.is_some() {
                    return fault;
                }
                counts.rasters += 1;
                self.made(pending, failed)
            }
            None => self.not_made(pending, failed),
        }
    }

    /// Of a cell whose item says ok: what is wrong with its raster.
    fn raster_fault(&self, row: &CellRecord) -> Option<(Kind, String, Repair)> {
        let story = &row.story;
        let (output, etag) = (
            story.output.as_deref().unwrap_or("no raster"),
            story.etag.as_deref(),
        );
        let (etag, bytes) = (etag.unwrap_or_default(), story.bytes.unwrap_or_default());
        let (kind, why) = match self.head {
            None => (Kind::RasterMissing, format!("{output} is not there")),
            Some(head) if head.etag != etag || head.bytes != bytes => {
                let Head {
                    etag: there,
                    bytes: length,
                } = head;
                (
                    Kind::RasterDiffers,
                    format!("{output} is {length} bytes {there} instead of {bytes} bytes {etag}"),
                )
            }
            Some(_) => return None,
        };
        let lose = Repair::Lose {
            cell: row.cell,
            etag: etag.to_owned(),
            why: why.clone(),
        };
        let repair = if self.record.state == TaskState::Cancelled {
            Repair::None
        } else {
            lose
        };
        Some((kind, why, repair))
    }

    /// Of a cell whose raster is as its item says.
    fn made(&self, pending: bool, failed: bool) -> Option<(Kind, String, Repair)> {
        let detail = || "its raster is there and its item says ok".to_owned();
        match (self.record.state, pending, failed) {
            (TaskState::Cancelled, ..) | (_, false, false) => None,
            // The notice has told of a failed cell, so another one has to set that right.
            (TaskState::Complete, ..) if failed => {
                Some((Kind::OkButFailed, detail(), Repair::Reopen))
            }
            (TaskState::Complete, ..) => Some((Kind::PendingInComplete, detail(), Repair::Reopen)),
            (TaskState::Running, _, true) => Some((Kind::OkButFailed, detail(), Repair::Send)),
            (TaskState::Running, true, false) => Some((Kind::OkButPending, detail(), Repair::Send)),
        }
    }

    fn not_made(&self, pending: bool, failed: bool) -> Option<(Kind, String, Repair)> {
        match (self.record.state, pending) {
            _ if failed => None,
            (TaskState::Complete, true) => Some((
                Kind::PendingInComplete,
                "nobody will make it".to_owned(),
                Repair::Reopen,
            )),
            (TaskState::Running, true) if self.without_message => Some((
                Kind::PendingWithoutMessage,
                "the queue is empty".to_owned(),
                Repair::Send,
            )),
            (TaskState::Running | TaskState::Cancelled, true) => None,
            (state, false) => {
                let says = match self.row {
                    None => "there is no item of it".to_owned(),
                    Some(row) => format!("its item says {}", row.state.name()),
                };
                let repair = if state == TaskState::Cancelled {
                    Repair::None
                } else {
                    Repair::Reopen
                };
                Some((Kind::OkWithoutResult, says, repair))
            }
        }
    }
}

/// What the task's own item does not agree with itself or with its results in.
pub(super) fn of_task(record: &TaskRecord, results_missing: bool) -> Vec<Difference> {
    let mut found = vec![];
    if record.state == TaskState::Running && record.open_shards.is_empty() {
        let detail = "all shards are closed, but nobody has completed it".to_owned();
        found.push(Difference::of_task(
            Kind::NotCompleted,
            detail,
            Repair::Send,
        ));
    }
    if record.owes_notice() {
        let why = record
            .notice_error
            .as_deref()
            .unwrap_or("nobody has sent it yet");
        found.push(Difference::of_task(
            Kind::NoticeOwed,
            why.to_owned(),
            Repair::Send,
        ));
    }
    if results_missing {
        let detail = format!(
            "the notice of epoch {} names a list that is gone",
            record.notified_epoch
        );
        found.push(Difference::of_task(
            Kind::ResultsMissing,
            detail,
            Repair::None,
        ));
    }
    found
}
