//! How long a task is kept.
//!
//! All items of a task expire at one moment, which is fixed at submit. DynamoDB deletes them some
//! days later and in any order, so the header is kept for longer, and whoever reads it compares the
//! moment with the clock.

use crate::ledger::item::{Item, Value, attribute};

/// In so many seconds before a task expires, no cell of it is sent any more: as long as the queue
/// keeps a message. And for as long after it, its header is still there.
pub const LAST_DAYS_S: i64 = 14 * 24 * 3600;

/// Unix second from which the task of a header is not found any more; `None` for one that is kept for
/// ever.
pub(super) fn expires_at(header: &Item) -> Option<i64> {
    match header.get(attribute::EXPIRES_AT) {
        Some(Value::Number(deleted_at)) => Some(deleted_at.saturating_sub(LAST_DAYS_S)),
        _ => None,
    }
}

/// Whether the task of a header, or of its copy in the index, is not found any more at Unix `second`.
pub(in crate::ledger) fn is_expired(header: &Item, second: i64) -> bool {
    expires_at(header).is_some_and(|moment| moment <= second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::MESSAGE_RETENTION_S;
    use crate::domain::{Job, Recipe, Scope};
    use crate::ledger::records::TaskRecord;
    use crate::ledger::transition::{NewTask, create_header};

    #[test]
    fn a_task_takes_no_messages_that_could_outlive_it_and_its_header_outlives_it() {
        assert_eq!(LAST_DAYS_S, i64::from(MESSAGE_RETENTION_S));
        let moment = 1_800_000_000;
        let header = create_header(&NewTask {
            task: "t".parse().unwrap(),
            cells: 1,
            shard_size: 1,
            group_size: 1,
            manifest: "s3://out/m".parse().unwrap(),
            job: Job::Raster(Recipe::builtin("rgb").unwrap().clone()).id(),
            scope: Scope::default(),
            output: "s3://out/".parse().unwrap(),
            region: None,
            digest: String::new(),
            message_key: "0".repeat(32).parse().unwrap(),
            max_failed: None,
            created_at: "now".to_owned(),
            submitter_until: 0,
            expires_at: moment,
        });
        let header = header.apply(None).unwrap();
        assert_eq!(
            header.get(attribute::EXPIRES_AT),
            Some(&(moment + LAST_DAYS_S).into())
        );
        assert!(!is_expired(&header, moment - 1) && is_expired(&header, moment));
        let record = TaskRecord::from_item(&header).unwrap();
        assert_eq!(record.expires_at, Some(moment));
        let last = moment - LAST_DAYS_S;
        assert!(!record.is_in_last_days(last - 1) && record.is_in_last_days(last));
    }
}
