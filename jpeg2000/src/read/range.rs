//! Ranged reads of a file.

use std::io;
use std::ops::Range;

use bytes::Bytes;

/// Reads ranges of one file, which may still be arriving.
///
/// ```
/// use bytes::Bytes;
/// use tilefleet_jpeg2000::ReadRange;
///
/// let file = Bytes::from_static(b"0123456789");
/// assert_eq!(file.length(), 10);
/// assert_eq!(file.read_range(2..5)?, Bytes::from_static(b"234"));
/// assert!(file.read_range(8..11).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ReadRange {
    /// Length of the whole file in bytes.
    fn length(&self) -> u64;

    /// Returns exactly the bytes of `range`. The range lies inside the file. The call blocks until
    /// the bytes are there.
    ///
    /// # Errors
    /// Any error that keeps the bytes from arriving. The caller of the decoder gets it unchanged,
    /// as [`Error::Read`](crate::Error::Read).
    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes>;
}

/// A file that is in memory as a whole. Nothing is copied.
impl ReadRange for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        slice(self, range)
    }
}

/// A part of a file that is in memory. Ranges are given in bytes of the file.
pub(crate) struct OffsetBytes<'a> {
    pub(crate) offset: u64,
    pub(crate) bytes: &'a Bytes,
}

impl ReadRange for OffsetBytes<'_> {
    fn length(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        let end = range.end.saturating_sub(self.offset);
        let start = range.start.checked_sub(self.offset).unwrap_or(u64::MAX);
        slice(self.bytes, start..end)
    }
}

/// The bytes of `range`, without copying them.
pub(super) fn slice(bytes: &Bytes, range: Range<u64>) -> io::Result<Bytes> {
    let beyond = || {
        io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a read beyond the end of the file",
        )
    };
    let start = usize::try_from(range.start).map_err(|_| beyond())?;
    let end = usize::try_from(range.end).map_err(|_| beyond())?;
    if start > end || end > bytes.len() {
        return Err(beyond());
    }
    Ok(bytes.slice(start..end))
}
