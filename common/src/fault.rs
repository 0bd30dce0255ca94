//! Places where a test can make the process die, to see what a crash there leaves behind.
//!
//! Compiled only with the feature `faults`, which the end-to-end tests turn on and released
//! binaries lack; without it no function here does anything. With it,
//! `TILEFLEET_FAULT=<point>:<hit>` aborts the process when it comes to that point for the
//! `<hit>`-th time, and `TILEFLEET_FAULT=<point>:<hit>:<cell>` counts only what concerns that cell.
//! Points are named after the step behind which they lie. Of several processes to which the same
//! file is named in `TILEFLEET_FAULT_ONCE`, only the first to come to the point dies.
//! `TILEFLEET_FAULT_WAITS` is a number of seconds above which none of those waits goes that a test
//! would have to sit out.

#[cfg(not(feature = "faults"))]
use std::fmt::Display;
#[cfg(not(feature = "faults"))]
use std::time::Duration;

/// Declares the points and their names.
macro_rules! points {
    ($($(#[$doc:meta])* $point:ident = $name:literal;)*) => {
        /// A place behind a step of the protocol (`docs/ARCHITECTURE.md`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $($(#[$doc])* $point,)*
        }

        #[cfg(feature = "faults")]
        impl Point {
            /// All points.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// The point's name.
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
    /// Submit: the task is in the ledger.
    Task = "task";
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
    /// Cancel: the notice of that is published.
    Tell = "tell";
    /// Cancel: the notice is marked as sent.
    Told = "told";
    /// Resume: the task runs again.
    Resume = "resume";
    /// Worker: a message is received.
    Receive = "receive";
    /// Worker: a message that is no cell is kept elsewhere.
    Keep = "keep";
    /// Worker: the cell is marked as running.
    Start = "start";
    /// Worker: the bands are there.
    Fetch = "fetch";
    /// Worker: the raster is made.
    Fuse = "fuse";
    /// Worker: the raster is uploaded.
    Upload = "upload";
    /// Worker: a failure that may pass is counted.
    Count = "count";
    /// Worker: an interruption is counted.
    Interrupt = "interrupt";
    /// Worker: the cell's row says ok or failed.
    Row = "row";
    /// Worker: a failed cell is told of.
    Announce = "announce";
    /// Worker: the shard's sets say ok or failed.
    Close = "close";
    /// Worker: the shard is taken out of the open ones.
    Settle = "settle";
    /// Worker: the task is complete.
    Complete = "complete";
    /// Worker: the notice is this worker's to send.
    Claim = "claim";
    /// Worker: the results are written.
    Results = "results";
    /// Worker: the notice is published.
    Publish = "publish";
    /// Worker: the notice is marked as sent.
    Mark = "mark";
    /// Worker: the notice could not be sent, and is given back.
    Release = "release";
    /// Worker, drain: the message is deleted.
    Delete = "delete";
}

/// Comes to a point.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_: Point) {}

/// Comes to a point with a cell.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point_of(_: Point, _: &impl Display) {}

/// A wait, which a test may shorten.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn shortened(wait: Duration) -> Duration {
    wait
}

#[cfg(feature = "faults")]
pub use armed::{point, point_of, shortened};

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

    /// Where to die.
    #[derive(Debug, PartialEq, Eq)]
    struct Fault {
        point: Point,
        hit: u32,
        cell: Option<String>,
    }

    impl Fault {
        fn read(text: &str) -> Option<Self> {
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
                let fault = Fault::read(&text);
                if fault.is_none() {
                    die(&format!(
                        "{VARIABLE}={text} names no point of this version, or no hit"
                    ));
                }
                fault
            })
            .as_ref()
    }

    /// Comes to a point: dies there if the environment says so.
    pub fn point(point: Point) {
        come_to(point, None);
    }

    /// Comes to a point with a cell: dies there if the environment says so.
    pub fn point_of(point: Point, cell: &impl Display) {
        come_to(point, Some(cell));
    }

    fn come_to(point: Point, cell: Option<&dyn Display>) {
        static HITS: AtomicU32 = AtomicU32::new(0);
        let Some(fault) = fault().filter(|fault| fault.point == point) else {
            return;
        };
        let meant = |wanted: &String| cell.is_some_and(|cell| cell.to_string() == *wanted);
        if fault.cell.as_ref().is_none_or(meant)
            && HITS.fetch_add(1, Ordering::Relaxed) + 1 == fault.hit
            && is_the_first()
        {
            die(&format!("{VARIABLE}: dying after {}", point.name()));
        }
    }

    /// Whether no other process has died before, of those that are to die once.
    fn is_the_first() -> bool {
        let file = std::env::var_os(ONCE_VARIABLE).filter(|file| !file.is_empty());
        file.is_none_or(|file| File::create_new(file).is_ok())
    }

    /// A wait, which a test may shorten.
    pub fn shortened(wait: Duration) -> Duration {
        let longest = std::env::var(WAITS_VARIABLE)
            .ok()
            .and_then(|seconds| seconds.parse().ok());
        longest.map_or(wait, |seconds| wait.min(Duration::from_secs(seconds)))
    }

    #[expect(
        clippy::print_stderr,
        reason = "the process ends here, whatever its log filter says"
    )]
    fn die(words: &str) -> ! {
        eprintln!("{words}");
        std::process::abort();
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_fault_is_a_point_a_hit_and_perhaps_a_cell() {
            let of = |hit, cell: Option<&str>| {
                Some(Fault {
                    point: Point::Upload,
                    hit,
                    cell: cell.map(str::to_owned),
                })
            };
            assert_eq!(Fault::read("upload:2"), of(2, None));
            assert_eq!(
                Fault::read("upload:1:48RXT/2020-08-01/0"),
                of(1, Some("48RXT/2020-08-01/0"))
            );
            for odd in ["upload", "uplaod:1", "upload:x", ":"] {
                assert_eq!(Fault::read(odd), None, "{odd}");
            }
        }
    }
}
