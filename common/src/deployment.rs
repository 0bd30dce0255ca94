//! What a deployed fleet is called and how its pieces are set.
//!
//! The one place in code for names and settings that terraform repeats: whoever creates a fleet
//! without terraform (the demo, the tests) takes them from here, so the two cannot tell different
//! stories.

/// Prefix of every resource of a fleet that was not given another one.
pub const DEFAULT_PREFIX: &str = "tilefleet";

/// `<prefix>-cells`: the queue that carries one message per cell.
pub const QUEUE_SUFFIX: &str = "cells";
/// `<prefix>-cells-dead`: where SQS moves a message after [`MAX_RECEIVE_COUNT`] receives.
pub const DEAD_LETTER_QUEUE_SUFFIX: &str = "cells-dead";
/// `<prefix>-ledger`: the DynamoDB table.
pub const TABLE_SUFFIX: &str = "ledger";
/// `<prefix>-events`: the SNS topic of completion notices and failed cells.
pub const TOPIC_SUFFIX: &str = "events";
/// `<prefix>-output`: the bucket of rasters, manifests and results (terraform appends the account
/// id).
pub const OUTPUT_BUCKET_SUFFIX: &str = "output";

/// Receives after which SQS gives a message up. Generous, because Spot interruptions and crashes
/// count as receives.
pub const MAX_RECEIVE_COUNT: u32 = 10;
/// Seconds a received message stays hidden; a worker renews it at a third of this while it works.
pub const VISIBILITY_TIMEOUT_S: u32 = 120;
/// Seconds one receive waits for a message, the longest SQS allows ("Amazon SQS short and long
/// polling").
pub const RECEIVE_WAIT_S: u32 = 20;
/// Seconds SQS keeps a message: 14 days, the longest it allows, in both queues.
pub const MESSAGE_RETENTION_S: u32 = 14 * 24 * 3600;

/// Name of the table's partition key, a string.
pub const PARTITION_KEY: &str = "pk";
/// Name of the table's sort key, a string.
pub const SORT_KEY: &str = "sk";
/// Sparse index over the task items alone, for listing them by age: (`listed`, `created_at`), all
/// attributes projected.
pub const TASK_INDEX: &str = "tasks-by-time";
/// Partition key of [`TASK_INDEX`], a string; only task items carry it.
pub const TASK_INDEX_PARTITION_KEY: &str = "listed";
/// Sort key of [`TASK_INDEX`], a string (RFC 3339, UTC).
pub const TASK_INDEX_SORT_KEY: &str = "created_at";
/// Number attribute in which DynamoDB's time to live reads the second at which an item may go.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// Cells that justify one worker, unless the fleet was given another number.
pub const CELLS_PER_WORKER: u32 = 20;
/// Days after which the output bucket drops the parts of an upload that was never completed.
pub const ABORTED_UPLOAD_DAYS: i32 = 3;
/// The bucket of Sentinel-2 Level-2A scenes, requester pays, in eu-central-1.
pub const SCENE_BUCKET: &str = "sentinel-s2-l2a";
