//! Items of the ledger for tests.

use tilefleet_common::domain::{Job, Recipe, Scope};
use tilefleet_common::ledger::{TaskRecord, TaskState};

/// The item of a task of 800 cells in four shards of one group, which is open, that was just submitted.
pub(crate) fn task_record() -> TaskRecord {
    TaskRecord {
        state: TaskState::Running,
        epoch: 1,
        open_groups: [0].into(),
        cells: 800,
        shard_size: 200,
        group_size: 200,
        manifest: "s3://my-bucket/tilefleet/rgb-1/manifest.ndjson"
            .parse()
            .unwrap(),
        job: Job::Raster(Recipe::builtin("rgb").unwrap().clone()).id(),
        scope: Scope::default(),
        output: "s3://my-bucket/".parse().unwrap(),
        region: None,
        digest: String::new(),
        message_key: "0".repeat(32).parse().unwrap(),
        created_at: "2026-11-26T13:54:10.000Z".to_owned(),
        submitted_at: Some("2026-11-26T13:54:14.583Z".to_owned()),
        expires_at: None,
        submitter_until: None,
        quiet_since: None,
        stalled_until: None,
        stalls: 0,
        completed_at: None,
        notified_epoch: 0,
        notice_error: None,
        reason: None,
        cancelled_at: None,
        stopped: false,
        max_failed: None,
        failures: 0,
        cancels: 0,
        cancels_notified: 0,
    }
}
