//! The completion tracker: carries a cell's message through the ledger protocol, and sends the
//! notice when a task ends.
//!
//! There is no tracker process. The holder of a message runs the protocol to its end before it
//! deletes the message. So the holder of a task's last message completes the task and sends its
//! notice, and redelivery repairs what a crash left.

mod advance;
mod area;
mod area_cache;
mod clock;
mod dead_letter;
mod error;
mod notice;
mod recipe_cache;
mod results;
mod sweep;
mod task_cache;

pub use advance::{NOTICE_CLAIM, Tracker};
pub use area::AreaTrouble;
pub use clock::rfc3339;
pub use notice::cancelled_event;
pub use sweep::{Sweep, SweepError, renew_submitter, submitter_until};
