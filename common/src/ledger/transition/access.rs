//! What workers tell each other of the buckets of scenes and rasters. No step of the protocol depends
//! on it.

use super::ticket::Ticket;
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::write::{Action, Write};

/// How long it counts that a worker got into a bucket, in seconds: a day.
const REMEMBERED_S: i64 = 24 * 3600;

/// What a worker did with a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BucketUse {
    /// It read from it.
    Read,
    /// It wrote to it.
    Write,
}

/// A worker has used `bucket` for the first time; `second` is the time in Unix seconds.
pub fn note_bucket(bucket: &str, usage: BucketUse, now: &str, second: i64) -> Write {
    let used = match usage {
        BucketUse::Read => attribute::READ_AT,
        BucketUse::Write => attribute::WRITTEN_AT,
    };
    let expires = Value::Number(second.saturating_add(REMEMBERED_S));
    Write {
        key: Key::Bucket(bucket.to_owned()),
        conditions: vec![],
        actions: vec![
            Action::Set(used, now.into()),
            Action::Set(attribute::EXPIRES_AT, expires),
        ],
    }
}

/// A worker was denied `bucket` for the ticket's cell, whose task has been stopped `stops` times
/// before. The answer has the number of denials since then.
pub fn count_denial(ticket: &Ticket, stops: u32, bucket: &str) -> Write {
    let mut actions = vec![Action::Count(attribute::DENIALS, 1)];
    actions.extend(ticket.expiry());
    Write {
        key: Key::Denial(ticket.task.clone(), format!("{stops}#{bucket}")),
        conditions: vec![],
        actions,
    }
}
