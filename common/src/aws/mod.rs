//! AWS as the fleet uses it: clients, errors a person can act on, retries, batches that lose
//! nothing.

mod actions;
mod calls;
#[cfg(test)]
pub(crate) mod canned;
mod clients;
mod deletions;
mod error;
mod group;
mod head;
mod headed;
mod http;
mod lines;
mod metadata;
mod multipart;
mod objects;
mod pieces;
mod queue;
mod ranges;
mod reading;
mod retry;
mod topic;
mod upload;
mod window;

pub use actions::actions;
pub use calls::CallCounter;
pub use clients::{Clients, NoCredentials};
pub use deletions::DeleteBatcher;
pub use error::{AwsError, AwsErrorKind};
pub use group::{Group, GroupError, GroupSize, Wake};
pub use head::Head;
pub use headed::{HEAD_PARTS, HeaderLastUpload};
pub use http::http_client;
pub use lines::ObjectLines;
pub use metadata::{Metadata, MetadataError};
pub use objects::{ListedObject, Object, ObjectError, ObjectStore};
pub use queue::{Queue, QueueAttributes, QueueError, Received, Redrive};
pub use reading::{ObjectReader, ReadOptions};
pub use retry::{Attempts, full_jitter};
pub use topic::{Subscriptions, Topic};
pub use upload::{Existing, Stored, Upload};
