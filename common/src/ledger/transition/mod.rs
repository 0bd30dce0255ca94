//! Every step of the ledger protocol, as the change it makes and the condition under which it makes
//! it.
//!
//! A cell's state only climbs pending → failed → ok; only [`retry_shard`] and [`lose_cell`] lower
//! it. Sets make each step repeatable: an element taken out twice is taken out once.

mod access;
mod cell;
mod ending;
mod forget;
mod notice;
mod operate;
mod outcome;
mod submit;
mod sweep;
mod ticket;
mod worker;

pub use access::{BucketUse, count_denial, note_bucket};
pub use cell::{
    close_failed, close_ok, close_without_raster, count_failed, count_failure, count_interruption,
    record_failed, record_ok, restart_cell, start_cell,
};
pub use ending::{
    claim_notice, close_group, close_shard, complete_task, mark_notified, release_notice,
};
pub use forget::{FORGOTTEN, forget_task};
pub use notice::Notice;
pub use operate::{cancel_task, lose_cell, resume_task, retry_shard, stop_task};
pub use outcome::{Failure, Success};
pub use submit::{
    LISTED, NewTask, create_group, create_header, create_recipe, create_shard, keep_recipe,
    mark_enqueued, mark_submitted, unmark_enqueued,
};
pub use sweep::{
    claim_submit, claim_sweep, mark_stalled, note_motion, note_quiet, renew_submitter,
};
pub use ticket::Ticket;
pub use worker::{NO_GROUP, WorkerReport, claim_replacement, report_worker};
