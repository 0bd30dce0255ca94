//! AWS as the fleet uses it: clients, errors a person can act on, retries, batches that lose nothing.

mod calls;
#[cfg(test)]
pub(crate) mod canned;
mod clients;
mod error;
mod objects;
mod queue;
mod retry;
mod topic;
mod upload;

pub use calls::CallCounter;
pub use clients::Clients;
pub use error::{AwsError, AwsErrorKind};
pub use objects::{ListedObject, Object, ObjectError, ObjectStore};
pub use queue::{Queue, QueueError, Received};
pub use retry::{Attempts, full_jitter};
pub use topic::Topic;
pub use upload::{Existing, Stored, Upload};
