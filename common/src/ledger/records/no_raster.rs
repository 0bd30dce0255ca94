//! Cells that end well without a raster.
//!
//! Such a cell is ok for the protocol: nothing is left to do, and nobody has failed. Two sets of its
//! shard, and an attribute of its item, say that there is no raster and why, so that it is counted
//! on its own.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::ledger::item::{Item, Value, attribute};

/// Why a cell that ended well has no raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoRaster {
    /// The task's area does not touch it.
    OutsideArea,
    /// It has fewer valid pixels than the task asks for.
    TooFewValid,
}

impl NoRaster {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 2] = [Self::OutsideArea, Self::TooFewValid];

    /// Its name in items, results and commands.
    pub fn name(self) -> &'static str {
        match self {
            Self::OutsideArea => "outside_area",
            Self::TooFewValid => "too_few_valid",
        }
    }

    /// The set of a shard that has such cells.
    pub(in crate::ledger) fn set(self) -> &'static str {
        match self {
            Self::OutsideArea => attribute::OUTSIDE_AREA,
            Self::TooFewValid => attribute::TOO_FEW_VALID,
        }
    }

    /// What the item of a cell says.
    pub(in crate::ledger) fn of_cell(item: &Item) -> Option<Self> {
        match item.get(attribute::WITHOUT_RASTER) {
            Some(Value::Text(text)) => text.parse().ok(),
            _ => None,
        }
    }
}

impl fmt::Display for NoRaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NoRaster {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|end| end.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{JobId, TaskId};
    use crate::ledger::transition::{
        Success, Ticket, close_failed, close_ok, close_without_raster, create_shard, record_ok,
        retry_shard,
    };
    use crate::ledger::{Part, ShardRecord, TaskState};

    fn ticket() -> Ticket {
        Ticket {
            task: task(),
            shard: 0,
            group: 0,
            ordinal: 1,
            cell: "48RXT/2020-08-01/0".parse().unwrap(),
            job: JobId::Probe,
            reopened: 0,
            expires_at: None,
        }
    }

    fn task() -> TaskId {
        "t".parse().unwrap()
    }

    #[test]
    fn a_cell_without_a_raster_is_in_one_set_and_leaves_it_when_it_is_made_again() {
        let shard = create_shard(&task(), 0, 0..2, None).apply(None).unwrap();
        let failed = close_failed(&ticket()).apply(Some(&shard)).unwrap();
        let mut item = failed;
        for end in NoRaster::ALL {
            let once = close_without_raster(&ticket(), end)
                .apply(Some(&item))
                .unwrap();
            let again = close_without_raster(&ticket(), end).apply(Some(&once));
            assert_eq!(again.as_ref(), Some(&once));
            let record = ShardRecord::from_item(&once).unwrap();
            assert_eq!((record.failed.len(), record.pending.len()), (0, 1));
            assert_eq!(record.without_raster(1), Some(end));
            assert_eq!(record.without_raster(0), None);
            item = once;
        }
        let ok = close_ok(&ticket()).apply(Some(&item)).unwrap();
        assert_eq!(ShardRecord::from_item(&ok).unwrap().without_raster(1), None);
        let place = (TaskState::Complete, 1);
        let retry = retry_shard(&task(), place, (0, 0), &[].into(), &[1].into());
        let Some(Part::Write(write)) = retry.parts.first() else {
            panic!()
        };
        let reopened = ShardRecord::from_item(&write.apply(Some(&item)).unwrap()).unwrap();
        assert_eq!(reopened.without_raster(1), None);
        assert!(reopened.pending.contains(&1));
    }

    #[test]
    fn an_item_forgets_that_there_was_no_raster_when_there_is_one() {
        let success = |without_raster| Success {
            output: "s3://out/".parse().unwrap(),
            artefacts: vec![],
            without_raster,
            fetch_ms: 1,
            fuse_ms: 1,
            publish_ms: 1,
        };
        let mut item = None;
        for end in [Some(NoRaster::TooFewValid), None] {
            item = record_ok(&ticket(), &success(end), "w", "now").apply(item.as_ref());
            assert_eq!(NoRaster::of_cell(item.as_ref().unwrap()), end);
        }
    }
}
