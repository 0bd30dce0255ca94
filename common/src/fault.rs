//! Fault points: places where a test can abort the process, to see what a crash there leaves.
//!
//! They are compiled only with the feature `faults`, which the end-to-end tests turn on. Released
//! binaries lack it; the functions here then do nothing. With it, four variables apply:
//!
//! - `TILEFLEET_FAULT=<point>:<hit>` aborts the process when it reaches the point for the
//!   `<hit>`-th time; `TILEFLEET_FAULT=<point>:<hit>:<cell>` counts only hits that concern the
//!   cell.
//! - `TILEFLEET_FAULT_ONCE` names a file. Of the processes that are given the same file, only the
//!   first one to reach the point dies.
//! - `TILEFLEET_FAULT_WAITS` is the largest number of seconds that a wait may take which a test
//!   would have to sit out.
//! - `TILEFLEET_FAULT_LIMIT` is the number of seconds that a service has for an answer: few where it
//!   does not answer, many where a busy machine must not make it late.
//!
//! A point is named after the step behind which it lies. This module lists all points and knows
//! none of the steps: those of the ledger's flow are assigned in `ledger/fault_points.rs`.

#[cfg(not(feature = "faults"))]
use std::fmt::Display;
#[cfg(not(feature = "faults"))]
use std::time::Duration;

/// Declares the points and their names.
macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal;)*) => {
        /// A place behind a step of the protocol (`docs/ARCHITECTURE.md`, "What a crash leaves").
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        #[cfg(feature = "faults")]
        impl Point {
            /// All points.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// The name, as `TILEFLEET_FAULT` takes it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

points! {
    /// Submit: the manifest is written.
    Manifest = "manifest";
    /// Submit: the task's recipe is in the ledger.
    Recipe = "recipe";
    /// Submit: the task's header is in the ledger.
    Task = "task";
    /// Submit: a group is in the ledger.
    Group = "group";
    /// Submit: a shard is in the ledger.
    Shard = "shard";
    /// Submit, retry, resume, repair: a batch of messages is sent.
    Send = "send";
    /// Submit, retry, resume, repair: a shard is marked as enqueued.
    Enqueued = "enqueued";
    /// Submit: the task is marked as submitted.
    Submitted = "submitted";
    /// Repair: a shard is marked as not enqueued.
    Unmark = "unmark";
    /// Retry, repair: cells of a shard are pending again.
    Reopened = "reopened";
    /// Cancel: the task is cancelled.
    Cancel = "cancel";
    /// Cancel: the notice of the cancellation is published.
    PublishCancel = "publish-cancel";
    /// Cancel: the notice of the cancellation is marked as sent.
    MarkCancel = "mark-cancel";
    /// Resume: the task runs again.
    Resume = "resume";
    /// Forget: the task is not found any more.
    Forget = "forget";
    /// Forget: the cells of a shard are deleted.
    ForgetCells = "forget-cells";
    /// Forget: everything but the header is deleted.
    ForgetItems = "forget-items";
    /// Worker: a message is received.
    Receive = "receive";
    /// Worker: a malformed message is stored as an object.
    Quarantine = "quarantine";
    /// Worker: the cell is marked as running.
    Start = "start";
    /// Worker: the bands are open.
    Fetch = "fetch";
    /// Worker: the raster is made.
    Fuse = "fuse";
    /// Worker: the raster is visible.
    Raster = "raster";
    /// Worker: the object of a probe is visible.
    Probe = "probe";
    /// Worker: a retryable failure is counted.
    CountFailure = "count-failure";
    /// Worker: an interruption is counted.
    CountInterruption = "count-interruption";
    /// Worker: it has claimed a submit that its producer left.
    ClaimSubmit = "claim-submit";
    /// Worker: it is told that a task is stalled.
    PublishStall = "publish-stall";
    /// Worker: that a task is stalled is marked as told.
    MarkStall = "mark-stall";
    /// Worker: a dead letter is sent again.
    Resend = "resend";
    /// Worker: the cell's item says ok or failed.
    Record = "record";
    /// Worker: the event of a failed cell is published.
    Announce = "announce";
    /// Worker: the shard's sets say ok or failed.
    Close = "close";
    /// Worker: the failed cell is counted in the header.
    CountFailed = "count-failed";
    /// Worker: the task is stopped.
    Stop = "stop";
    /// Worker: the notice of a stopped or cancelled task is published.
    PublishStop = "publish-stop";
    /// Worker: the notice of a stopped or cancelled task is marked as sent.
    MarkStop = "mark-stop";
    /// Worker: the shard is removed from its group's open shards.
    CloseShard = "close-shard";
    /// Worker: the group is removed from the open groups.
    CloseGroup = "close-group";
    /// Worker: the task is complete.
    Complete = "complete";
    /// Worker: this worker has claimed the notice.
    Claim = "claim";
    /// Worker: the results are written.
    Results = "results";
    /// Worker: the notice is published.
    Publish = "publish";
    /// Worker: the notice is marked as sent.
    Mark = "mark";
    /// Worker: the notice could not be sent, and its claim is released.
    Release = "release";
    /// Worker, drain: the message is deleted.
    Delete = "delete";
}

/// Reaches a point.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_: Point) {}

/// Reaches a point that concerns a cell.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point_of(_: Point, _: &impl Display) {}

/// The wait, or less if a test shortens it.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn shortened(wait: Duration) -> Duration {
    wait
}

/// How long a service has for an answer, or what a test sets for it.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn limit(answer: Duration) -> Duration {
    answer
}

#[cfg(feature = "faults")]
pub use armed::{limit, point, point_of, shortened};

#[cfg(feature = "faults")]
mod armed {
    use std::fmt::Display;
    use std::fs::File;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::Point;

    const VARIABLE: &str = "TILEFLEET_FAULT";
    const ONCE_VARIABLE: &str = "TILEFLEET_FAULT_ONCE";
    const WAITS_VARIABLE: &str = "TILEFLEET_FAULT_WAITS";
    const LIMIT_VARIABLE: &str = "TILEFLEET_FAULT_LIMIT";

    /// Where the process aborts.
    #[derive(Debug, PartialEq, Eq)]
    struct Fault {
        point: Point,
        hit: u32,
        cell: Option<String>,
    }

    impl Fault {
        fn parse(text: &str) -> Option<Self> {
            let mut parts = text.splitn(3, ':');
            let name = parts.next()?;
            let point = Point::ALL
                .iter()
                .copied()
                .find(|point| point.name() == name)?;
            Some(Self {
                point,
                hit: parts.next()?.parse().ok()?,
                cell: parts.next().map(str::to_owned),
            })
        }
    }

    fn fault() -> Option<&'static Fault> {
        static FAULT: OnceLock<Option<Fault>> = OnceLock::new();
        FAULT
            .get_or_init(|| {
                let text = std::env::var(VARIABLE)
                    .ok()
                    .filter(|text| !text.is_empty())?;
                let fault = Fault::parse(&text);
                if fault.is_none() {
                    die(&format!(
                        "{VARIABLE}={text} is not <point>:<hit> with a point of this version"
                    ));
                }
                fault
            })
            .as_ref()
    }

    /// Reaches a point: aborts there if the environment says so.
    pub fn point(point: Point) {
        reach(point, None);
    }

    /// Reaches a point that concerns a cell: aborts there if the environment says so.
    pub fn point_of(point: Point, cell: &impl Display) {
        reach(point, Some(cell));
    }

    fn reach(point: Point, cell: Option<&dyn Display>) {
        static HITS: AtomicU32 = AtomicU32::new(0);
        let Some(fault) = fault().filter(|fault| fault.point == point) else {
            return;
        };
        let is_wanted = |wanted: &String| cell.is_some_and(|cell| cell.to_string() == *wanted);
        if fault.cell.as_ref().is_none_or(is_wanted)
            && HITS.fetch_add(1, Ordering::Relaxed) + 1 == fault.hit
            && is_the_first()
        {
            die(&format!("{VARIABLE}: dying after {}", point.name()));
        }
    }

    /// Whether this process is the first of those that share the file of [`ONCE_VARIABLE`].
    fn is_the_first() -> bool {
        let file = std::env::var_os(ONCE_VARIABLE).filter(|file| !file.is_empty());
        file.is_none_or(|file| File::create_new(file).is_ok())
    }

    /// The wait, or less if a test shortens it.
    pub fn shortened(wait: Duration) -> Duration {
        seconds(WAITS_VARIABLE).map_or(wait, |longest| wait.min(longest))
    }

    /// How long a service has for an answer, or what a test sets for it.
    pub fn limit(answer: Duration) -> Duration {
        seconds(LIMIT_VARIABLE).unwrap_or(answer)
    }

    fn seconds(variable: &str) -> Option<Duration> {
        let seconds = std::env::var(variable).ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    #[expect(
        clippy::print_stderr,
        reason = "the process ends here, whatever its log filter says"
    )]
    fn die(message: &str) -> ! {
        eprintln!("{message}");
        std::process::abort();
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_fault_is_a_point_a_hit_and_an_optional_cell() {
            let of = |hit, cell: Option<&str>| {
                Some(Fault {
                    point: Point::Raster,
                    hit,
                    cell: cell.map(str::to_owned),
                })
            };
            assert_eq!(Fault::parse("raster:2"), of(2, None));
            assert_eq!(
                Fault::parse("raster:1:48RXT/2020-08-01/0"),
                of(1, Some("48RXT/2020-08-01/0"))
            );
            for odd in ["raster", "rsater:1", "raster:x", ":"] {
                assert_eq!(Fault::parse(odd), None, "{odd}");
            }
        }
    }
}
