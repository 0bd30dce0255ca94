//! S3: objects in buckets of any region, read by ranges and written by parts.

#[cfg(test)]
mod canned;
mod error;
mod get;
mod head;
mod put;
mod regions;
mod store;

pub use error::ObjectError;
pub use get::{Object, ObjectLines, ObjectReader, ReadOptions};
pub use head::Head;
pub use put::{ClosedUpload, Existing, HeaderLastUpload, Stored, Upload};
pub use store::{ListedObject, ObjectStore};
