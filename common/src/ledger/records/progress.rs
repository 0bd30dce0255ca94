//! How far a task is.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::no_raster::NoRaster;
use super::record::{ShardRecord, TaskRecord};

/// How far a task is, counted from its shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Cells in all.
    pub cells: u32,
    /// Cells with a result.
    pub ok: u32,
    /// Cells that failed for good.
    pub failed: u32,
    /// Cells that the task's area does not touch: they have no raster, and nothing has failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub outside_area: u32,
    /// Cells that have fewer valid pixels than the task asks for: they have no raster either.
    #[serde(skip_serializing_if = "is_zero")]
    pub too_few_valid: u32,
    /// Cells that have not ended.
    pub remaining: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Progress {
    /// Counts `shards`; cells of shards that the submit has not reached are remaining.
    pub fn of(task: &TaskRecord, shards: &BTreeMap<u32, ShardRecord>) -> Self {
        let count = |cells: usize| u32::try_from(cells).unwrap_or(u32::MAX);
        let mut progress = Self {
            cells: task.cells,
            ..Self::default()
        };
        for shard in shards.values() {
            progress.add_ended(shard);
            let left = shard.size.saturating_sub(count(shard.pending.len()));
            progress.ok = progress
                .ok
                .saturating_add(left.saturating_sub(shard.ended_otherwise()));
        }
        progress.with_remaining()
    }

    /// Adds the cells of the shard that ended in another way than with a raster.
    pub fn add_ended(&mut self, shard: &ShardRecord) {
        let add = |to: &mut u32, cells: usize| {
            *to = to.saturating_add(u32::try_from(cells).unwrap_or(u32::MAX));
        };
        add(&mut self.failed, shard.failed.len());
        add(&mut self.outside_area, shard.outside_area.len());
        add(&mut self.too_few_valid, shard.too_few_valid.len());
    }

    /// The same, all cells that are not counted otherwise being remaining.
    #[must_use]
    pub fn with_remaining(self) -> Self {
        let ended = self.ok.saturating_add(self.failed);
        let ended = ended.saturating_add(self.without_raster());
        Self {
            remaining: self.cells.saturating_sub(ended),
            ..self
        }
    }

    /// Cells that have ended, well or not.
    pub fn ended(self) -> u32 {
        self.cells.saturating_sub(self.remaining)
    }

    /// Cells that ended well and have no raster.
    pub fn without_raster(self) -> u32 {
        self.outside_area.saturating_add(self.too_few_valid)
    }

    /// The numbers of cells that ended well without a raster, for each reason that there is.
    pub fn reasons(self) -> impl Iterator<Item = (NoRaster, u32)> {
        let counts = [self.outside_area, self.too_few_valid];
        let reasons = NoRaster::ALL.into_iter().zip(counts);
        reasons.filter(|(_, count)| *count > 0)
    }
}

impl ShardRecord {
    /// Why the cell with this ordinal has no raster, if it ended so.
    pub fn without_raster(&self, ordinal: u32) -> Option<NoRaster> {
        if self.outside_area.contains(&ordinal) {
            Some(NoRaster::OutsideArea)
        } else if self.too_few_valid.contains(&ordinal) {
            Some(NoRaster::TooFewValid)
        } else {
            None
        }
    }

    /// How many of its cells ended in another way than with a raster.
    pub fn ended_otherwise(&self) -> u32 {
        let cells = self.failed.len() + self.outside_area.len() + self.too_few_valid.len();
        u32::try_from(cells).unwrap_or(u32::MAX)
    }
}

/// The cells that have ended, as in `290 ok, 2 failed, 7 outside_area`. Reasons without cells are
/// left out.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ok, {} failed", self.ok, self.failed)?;
        for (reason, count) in self.reasons() {
            write!(f, ", {count} {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_without_a_raster_are_counted_on_their_own() {
        let shard = ShardRecord {
            pending: [0].into(),
            failed: [1].into(),
            outside_area: [2, 3].into(),
            too_few_valid: [4].into(),
            size: 7,
            enqueued: true,
            reopened: 0,
        };
        let mut progress = Progress {
            cells: 7,
            ok: 7 - 1 - shard.ended_otherwise(),
            ..Progress::default()
        };
        progress.add_ended(&shard);
        let progress = progress.with_remaining();
        assert_eq!(
            (progress.ok, progress.remaining, progress.ended()),
            (2, 1, 6)
        );
        assert_eq!(
            progress.to_string(),
            "2 ok, 1 failed, 2 outside_area, 1 too_few_valid"
        );
        let clean = Progress {
            cells: 2,
            ok: 2,
            ..Progress::default()
        };
        let json = serde_json::to_string(&clean).unwrap();
        assert_eq!(json, r#"{"cells":2,"ok":2,"failed":0,"remaining":0}"#);
    }
}
