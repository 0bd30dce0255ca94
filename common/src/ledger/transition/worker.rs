//! What workers say of themselves. No step of the protocol depends on it.

use super::outcome::cut;
use crate::ledger::item::{Key, Value, attribute};
use crate::ledger::write::{Action, Condition, Write};

/// How long a worker's item is kept after it was written, in seconds.
const KEPT_S: i64 = 3600;
/// The least time between the replacements of two machines of one group, in seconds.
const BETWEEN_REPLACEMENTS_S: i64 = 3600;

/// The group of workers that are in none.
pub const NO_GROUP: &str = "none";

/// What a worker is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerReport<'a> {
    /// Its group.
    pub group: &'a str,
    /// Its name.
    pub worker: &'a str,
    /// When it started (RFC 3339).
    pub since: &'a str,
    /// How many cells it holds.
    pub held: u32,
    /// The task and the cell that it has held for longest.
    pub cell: Option<String>,
    /// What it does with this cell.
    pub phase: Option<&'a str>,
    /// The breakers that are open, as JSON.
    pub breakers: Option<String>,
    /// The last error that was not a cell's.
    pub last_error: Option<String>,
}

/// A worker says what it is doing, at `now` (RFC 3339) and `second` (Unix).
pub fn report_worker(report: &WorkerReport<'_>, now: &str, second: i64) -> Write {
    let optional = |name, value: Option<&str>| match value {
        Some(value) => Action::Set(name, cut(value).into()),
        None => Action::Remove(name),
    };
    let expires = Value::Number(second.saturating_add(KEPT_S));
    Write {
        key: Key::Worker(report.group.to_owned(), report.worker.to_owned()),
        conditions: vec![],
        actions: vec![
            Action::Set(attribute::SINCE, report.since.into()),
            Action::Set(attribute::SEEN_AT, now.into()),
            Action::Set(attribute::HELD, report.held.into()),
            optional(attribute::CELL, report.cell.as_deref()),
            optional(attribute::PHASE, report.phase),
            match &report.breakers {
                Some(breakers) => Action::Set(attribute::BREAKERS, breakers.as_str().into()),
                None => Action::Remove(attribute::BREAKERS),
            },
            optional(attribute::LAST_ERROR, report.last_error.as_deref()),
            Action::Set(attribute::EXPIRES_AT, expires),
        ],
    }
}

/// A machine of `group` is to be replaced, at Unix `second`. Refused when one was within the last
/// hour.
pub fn claim_replacement(group: &str, second: i64) -> Write {
    let until = second.saturating_add(BETWEEN_REPLACEMENTS_S);
    Write {
        key: Key::Replacement(group.to_owned()),
        conditions: vec![Condition::AbsentOrBelow(attribute::EXPIRES_AT, second)],
        actions: vec![Action::Set(attribute::EXPIRES_AT, Value::Number(until))],
    }
}
