//! The result of a simulation.

use crate::fleet::group::{Cause, Change};

/// How old the data of an alarm may be: metrics are up to five minutes late, in windows of up to
/// five minutes.
const NEWS_SECONDS: u64 = 600;

/// The fleet at the end of a minute.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Cells that wait.
    pub visible: u64,
    /// Cells that workers hold.
    pub inflight: u64,
    /// Machines that the group wants.
    pub desired: usize,
    /// Machines that it counts, those that boot included.
    pub live: usize,
    /// Machines whose worker held cells in that minute.
    pub busy: usize,
}

/// The result of a simulation.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Cells that arrived.
    pub cells: u64,
    /// Second of the first arrival.
    pub first_sent: u64,
    /// Second at which each burst began.
    pub bursts: Vec<u64>,
    /// Second at which the last cell of each burst was done, if all of them were.
    pub ends: Vec<Option<u64>>,
    /// Second at which the last cell was done, if all were.
    pub drained_at: Option<u64>,
    /// Second at which the last machine was gone, with as many left as are kept without work.
    pub asleep_at: Option<u64>,
    /// Machines that the group counted at most.
    pub peak: usize,
    /// Seconds of all machines that are paid for.
    pub paid_seconds: u64,
    /// Those of them in which a worker held cells.
    pub busy_seconds: u64,
    /// Machines that Spot took.
    pub interruptions: u64,
    /// Cells that were handed back.
    pub handed_back: u64,
    /// Machines that scale-in ended while their worker held cells.
    pub busy_removed: u64,
    /// Largest number of busy machines beyond what the policies wanted: only protection kept these.
    pub busy_unwanted: usize,
    /// Changes of the desired capacity.
    pub changes: Vec<Change>,
    /// The fleet, minute by minute.
    pub minutes: Vec<Sample>,
}

impl Outcome {
    /// Times that the group grew again after it had begun to shrink, without work having arrived in
    /// between, or so shortly before that the alarm could not know. Replacing machines that
    /// Spot took does not change the desired capacity, so no such case is tolerated.
    pub fn reversals(&self) -> usize {
        let mut shrinking_since = None;
        let mut count = 0;
        for change in &self.changes {
            match change.cause {
                Cause::In => shrinking_since = Some(change.at),
                Cause::Out | Cause::Wake => {
                    let excused = |since| {
                        self.bursts
                            .iter()
                            .any(|&burst| burst + NEWS_SECONDS >= since)
                    };
                    if shrinking_since.take().is_some_and(|since| !excused(since)) {
                        count += 1;
                    }
                }
            }
        }
        count
    }

    /// Seconds from the first cell sent to the last cell done.
    pub fn drain_seconds(&self) -> Option<u64> {
        Some(self.drained_at? - self.first_sent)
    }

    /// Seconds from the last cell done to the last machine gone.
    pub fn shutdown_seconds(&self) -> Option<u64> {
        Some(self.asleep_at?.saturating_sub(self.drained_at?))
    }

    /// Hours of machines that are paid for.
    pub fn paid_hours(&self) -> f64 {
        hours(self.paid_seconds)
    }

    /// Hours of machines in which no worker held a cell: booting, waiting and ending.
    pub fn idle_hours(&self) -> f64 {
        hours(self.paid_seconds.saturating_sub(self.busy_seconds))
    }

    /// The idle part of the paid hours, in percent.
    pub fn idle_percent(&self) -> f64 {
        if self.paid_seconds == 0 {
            0.0
        } else {
            100.0 * self.idle_hours() / self.paid_hours()
        }
    }

    /// Hours of machines for 1,000 cells. Times the price of an hour, what they cost.
    #[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
    pub fn hours_per_thousand(&self) -> f64 {
        self.paid_hours() / self.cells.max(1) as f64 * 1000.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn hours(seconds: u64) -> f64 {
    seconds as f64 / 3600.0
}
