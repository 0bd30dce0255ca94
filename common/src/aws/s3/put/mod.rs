//! Writing objects: by one request when they are small, else as a multipart upload.

mod body;
mod header_last;
mod multipart;
mod upload;

pub use header_last::{HEAD_PARTS, HeaderLastUpload};
pub use upload::{Existing, Stored, Upload};
