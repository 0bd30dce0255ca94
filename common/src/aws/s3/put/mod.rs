//! Writing objects: by one request when they are small, otherwise as a multipart upload.

mod body;
mod header_last;
mod multipart;
mod target;
mod upload;

pub use header_last::{ClosedUpload, HeaderLastUpload};
pub use target::{Existing, Stored};
pub use upload::Upload;
