//! Reading bytes: ranges of a file, and fields of headers.

pub(crate) mod buffered;

pub use buffered::ReadRange;
