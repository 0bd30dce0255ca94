//! S3: objects in buckets of any region, read by ranges and written by parts.

pub(crate) mod get;
mod head;
pub(crate) mod put;
mod store;

pub use get::{ObjectLines, ObjectReader, ReadOptions};
pub use head::Head;
pub use put::{Existing, HEAD_PARTS, HeaderLastUpload, Stored, Upload};
pub use store::{ListedObject, Object, ObjectError, ObjectStore};
