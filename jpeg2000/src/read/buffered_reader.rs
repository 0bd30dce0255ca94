//! Small reads that lie close together, from one larger read.

use std::io;

use bytes::Bytes;

use super::range::{ReadRange, slice};
use crate::error::Error;

/// Serves small reads from a buffer, and fills the buffer with larger reads.
///
/// All numbers in a file are big-endian. A read beyond the end returns `None`.
pub(crate) struct BufferedReader<'a> {
    source: &'a dyn ReadRange,
    /// The reader treats the file as if it ended here.
    end: u64,
    /// Bytes to read at once, where the file has as many.
    read_ahead: u64,
    /// Position of `buffer` in the file.
    start: u64,
    buffer: Bytes,
}

impl<'a> BufferedReader<'a> {
    pub(crate) fn new(source: &'a dyn ReadRange, read_ahead: u64) -> Self {
        Self {
            source,
            end: source.length(),
            read_ahead,
            start: 0,
            buffer: Bytes::new(),
        }
    }

    /// Makes the file end at `end`, where it does not end before.
    pub(crate) fn limited(mut self, end: u64) -> Self {
        self.end = self.end.min(end);
        self
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// `length` bytes from `at`.
    pub(crate) fn get(&mut self, at: u64, length: u64) -> Result<Option<Bytes>, Error> {
        let Some(last) = at.checked_add(length).filter(|&last| last <= self.end) else {
            return Ok(None);
        };
        if at < self.start || last > self.start.saturating_add(self.buffer.len() as u64) {
            let wanted = at..self.end.min(at.saturating_add(length.max(self.read_ahead)));
            let bytes = self
                .source
                .read_range(wanted.clone())
                .map_err(Error::Read)?;
            if bytes.len() as u64 != wanted.end - wanted.start {
                let detail = format!("a read of bytes {wanted:?} returned {} bytes", bytes.len());
                return Err(Error::Read(io::Error::other(detail)));
            }
            self.start = at;
            self.buffer = bytes;
        }
        let range = at - self.start..last - self.start;
        slice(&self.buffer, range).map(Some).map_err(Error::Read)
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

    /// Four characters that name a type of box.
    pub(crate) fn tag(&mut self, at: u64) -> Result<Option<[u8; 4]>, Error> {
        self.array(at)
    }
}
