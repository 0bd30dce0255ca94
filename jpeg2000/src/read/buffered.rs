//! Where the bytes of a file come from.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::error::Error;

/// Reads ranges of one file, which may still be arriving.
pub trait ReadRange {
    /// Length of the whole file in bytes.
    fn length(&self) -> u64;

    /// Returns exactly the bytes of `range`. The range lies inside the file. The call blocks until
    /// the bytes are there.
    ///
    /// # Errors
    /// Any error that keeps the bytes from arriving. The caller of the decoder gets it unchanged,
    /// as [`Error::Read`].
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

fn slice(bytes: &Bytes, range: Range<u64>) -> io::Result<Bytes> {
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

/// A piece of a file that is in memory, addressed by offsets in the file.
pub(crate) struct Piece<'a> {
    pub(crate) offset: u64,
    pub(crate) bytes: &'a Bytes,
}

impl ReadRange for Piece<'_> {
    fn length(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        let end = range.end.saturating_sub(self.offset);
        let start = range.start.checked_sub(self.offset).unwrap_or(u64::MAX);
        slice(self.bytes, start..end)
    }
}

/// Small reads from a source, served from a larger one where they lie close together.
pub(crate) struct Window<'a> {
    source: &'a dyn ReadRange,
    /// Nothing behind this byte is looked at.
    end: u64,
    /// Bytes fetched at least, where there are as many.
    ahead: u64,
    start: u64,
    bytes: Bytes,
}

impl<'a> Window<'a> {
    pub(crate) fn new(source: &'a dyn ReadRange, ahead: u64) -> Self {
        Self {
            source,
            end: source.length(),
            ahead,
            start: 0,
            bytes: Bytes::new(),
        }
    }

    /// Treats everything from `end` on as if it did not exist.
    pub(crate) fn limited(mut self, end: u64) -> Self {
        self.end = self.end.min(end);
        self
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// `length` bytes from `at`, or nothing where the file does not reach that far.
    pub(crate) fn get(&mut self, at: u64, length: u64) -> Result<Option<Bytes>, Error> {
        let Some(last) = at.checked_add(length).filter(|&last| last <= self.end) else {
            return Ok(None);
        };
        if at < self.start || last > self.start.saturating_add(self.bytes.len() as u64) {
            let fetched = at..self.end.min(at.saturating_add(length.max(self.ahead)));
            let bytes = self
                .source
                .read_range(fetched.clone())
                .map_err(Error::Read)?;
            if bytes.len() as u64 != fetched.end - fetched.start {
                let detail = format!(
                    "the source gave {} bytes for bytes {fetched:?}",
                    bytes.len()
                );
                return Err(Error::Read(io::Error::other(detail)));
            }
            self.start = at;
            self.bytes = bytes;
        }
        let range = at - self.start..last - self.start;
        slice(&self.bytes, range).map(Some).map_err(Error::Read)
    }

    fn array<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>, Error> {
        let bytes = self.get(at, N as u64)?;
        Ok(bytes.and_then(|bytes| bytes.as_ref().try_into().ok()))
    }

    pub(crate) fn u16(&mut self, at: u64) -> Result<Option<u16>, Error> {
        Ok(self.array(at)?.map(u16::from_be_bytes))
    }

    pub(crate) fn u32(&mut self, at: u64) -> Result<Option<u32>, Error> {
        Ok(self.array(at)?.map(u32::from_be_bytes))
    }

    pub(crate) fn u64(&mut self, at: u64) -> Result<Option<u64>, Error> {
        Ok(self.array(at)?.map(u64::from_be_bytes))
    }

    pub(crate) fn tag(&mut self, at: u64) -> Result<Option<[u8; 4]>, Error> {
        self.array(at)
    }
}

/// Big-endian fields of a box or marker segment; nothing where the bytes do not reach.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(crate) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(crate) fn from(self, at: usize) -> Option<&'a [u8]> {
        self.0.get(at..)
    }
}
