//! Where the body of the output goes.

use std::io;

use bytes::Bytes;

/// Takes the body of the file in order, while it is made. The head comes with [`Cog`](crate::Cog)
/// at the end.
pub trait Output: Send + Sync {
    /// Takes the next bytes; may block until there is room for them, which holds back the decoding.
    ///
    /// # Errors
    /// Any error that keeps the bytes from being written; the work stops.
    fn body(&self, bytes: Bytes) -> io::Result<()>;
}
