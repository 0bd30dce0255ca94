//! Names and settings of a deployed fleet.
//!
//! This is the only place in the code for names and settings that terraform repeats. The demo and
//! the tests, which create a fleet without terraform, take them from here; a test compares them
//! with terraform's.

/// Default prefix of the names of a fleet's resources.
pub const DEFAULT_PREFIX: &str = "tilefleet";

/// `<prefix>-cells`: the queue that carries one message per cell.
pub const QUEUE_SUFFIX: &str = "cells";
/// `<prefix>-cells-dead`: where SQS moves a message after [`MAX_RECEIVE_COUNT`] receives.
pub const DEAD_LETTER_QUEUE_SUFFIX: &str = "cells-dead";
/// `<prefix>-ledger`: the DynamoDB table.
pub const TABLE_SUFFIX: &str = "ledger";
/// `<prefix>-events`: the SNS topic of the fleet's events.
pub const TOPIC_SUFFIX: &str = "events";
/// `<prefix>-output`: the bucket of rasters, manifests and results (terraform appends the account
/// id).
pub const OUTPUT_BUCKET_SUFFIX: &str = "output";

/// Receives after which SQS moves a message to the dead-letter queue. Generous, because Spot
/// interruptions and crashes count as receives.
pub const MAX_RECEIVE_COUNT: u32 = 10;
/// Seconds for which a received message stays hidden. A worker renews them every third of this
/// time.
pub const VISIBILITY_TIMEOUT_S: u32 = 120;
/// Seconds for which a receive waits for a message, the most that SQS allows (Amazon SQS developer
/// guide, "Short and long polling").
pub const RECEIVE_WAIT_S: u32 = 20;
/// Seconds for which both queues keep a message: 14 days, the most that SQS allows.
pub const MESSAGE_RETENTION_S: u32 = 14 * 24 * 3600;

/// Name of the table's partition key, a string.
pub const PARTITION_KEY: &str = "pk";
/// Name of the table's sort key, a string.
pub const SORT_KEY: &str = "sk";
/// Sparse index that lists the tasks by age: keys (`listed`, `created_at`), and
/// [`TASK_INDEX_ATTRIBUTES`].
pub const TASK_INDEX: &str = "tasks-by-time";
/// Partition key of [`TASK_INDEX`], a string; only headers have it.
pub const TASK_INDEX_PARTITION_KEY: &str = "listed";
/// Sort key of [`TASK_INDEX`], a string (RFC 3339, UTC).
pub const TASK_INDEX_SORT_KEY: &str = "created_at";
/// What [`TASK_INDEX`] has of each header beside the keys: what `producer list` shows. A change of
/// another attribute does not write to the index.
pub const TASK_INDEX_ATTRIBUTES: &[&str] = &[
    "layout",
    "state",
    "epoch",
    "cells",
    "recipe",
    "recipe_digest",
    "output",
    "submitted_at",
    "completed_at",
    "submitter_until",
    "stalled_until",
    "expires_at",
];
/// Number attribute of the Unix second from which DynamoDB's time to live may delete an item.
pub const TTL_ATTRIBUTE: &str = "expires_at";

/// Default number of cells per worker, by which the fleet scales.
pub const CELLS_PER_WORKER: u32 = 20;
/// Days after which the output bucket deletes the parts of an upload that was never completed.
pub const ABORTED_UPLOAD_DAYS: i32 = 3;
/// The bucket of Sentinel-2 Level-2A scenes, requester pays, in eu-central-1.
pub const SCENE_BUCKET: &str = "sentinel-s2-l2a";
