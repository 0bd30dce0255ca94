//! Reading bytes: ranges of a file, small reads from a buffer, and fields of headers.

mod buffered_reader;
mod fields;
mod range;

pub(crate) use buffered_reader::BufferedReader;
pub(crate) use fields::Fields;
pub(crate) use range::OffsetBytes;
pub use range::ReadRange;
