//! AWS as the fleet uses it.
//!
//! One client for each service, from the standard environment ([`Clients`]); errors that name the
//! call, the cause and the next step ([`AwsError`]); retries of what the SDK does not retry.
//! `s3` reads and writes objects while they are made, `sqs` sends and deletes in batches.

mod actions;
mod autoscaling;
mod calls;
#[cfg(test)]
pub(crate) mod canned;
mod clients;
mod error;
mod http;
mod instance_metadata;
mod retry;
mod s3;
mod sns;
mod sqs;
mod timeouts;

pub use actions::actions;
pub use autoscaling::{
    Ending, Group, GroupError, GroupMachine, GroupState, ScalingActivity, Unended, Wake,
};
pub use calls::CallCounter;
pub use clients::{Clients, NoCredentials};
pub use error::{AwsError, AwsErrorKind};
pub use http::http_client;
pub use instance_metadata::{Metadata, MetadataError};
pub use retry::{RetryBudget, delay_after};
pub use s3::{
    ClosedUpload, Existing, Head, HeaderLastUpload, ListedObject, Object, ObjectError, ObjectLines,
    ObjectReader, ObjectStore, ReadOptions, Stored, Upload,
};
pub use sns::{Subscriptions, Topic};
pub use sqs::{DeleteBatcher, Queue, QueueAttributes, QueueError, Received, Redrive};
