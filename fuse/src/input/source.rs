//! Where the bytes of a band come from.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;

/// Random access to the bytes of a band, which may still be arriving.
pub trait Source: Send + Sync {
    /// Length of the whole file in bytes.
    fn len(&self) -> u64;

    /// Returns exactly the bytes of `range`. The range lies inside the file. The call blocks until
    /// the bytes are there.
    ///
    /// # Errors
    /// Any error that keeps the bytes from arriving. It reaches the caller of the fuse core
    /// unchanged, in [`FuseError::Read`](crate::FuseError::Read).
    fn read(&self, range: Range<u64>) -> io::Result<Bytes>;

    /// Whether the file has no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file that is in memory as a whole. Nothing is copied.
impl Source for Bytes {
    fn len(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let length = length_within(&range, Source::len(self))?;
        let start = usize::try_from(range.start).map_err(io::Error::other)?;
        Ok(self.slice(start..start + length))
    }
}

/// A local file, read with pread(2).
#[derive(Debug)]
pub struct FileSource {
    file: File,
    length: u64,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened, or is not a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        Ok(Self {
            file,
            length: metadata.len(),
        })
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.length
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let length = length_within(&range, self.length)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }
}

/// The length of `range`, which must lie in the first `whole` bytes.
fn length_within(range: &Range<u64>, whole: u64) -> io::Result<usize> {
    if range.start > range.end || range.end > whole {
        let detail = format!("bytes {} to {} of {whole}", range.start, range.end);
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, detail));
    }
    usize::try_from(range.end - range.start).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_exactly_or_not_at_all() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut file, b"0123456789").unwrap();
        let in_file: Box<dyn Source> = Box::new(FileSource::open(file.path()).unwrap());
        let in_memory: Box<dyn Source> = Box::new(Bytes::from_static(b"0123456789"));
        for source in [in_file, in_memory] {
            assert_eq!(source.len(), 10);
            assert_eq!(&source.read(2..5).unwrap()[..], b"234");
            assert_eq!(&source.read(10..10).unwrap()[..], b"");
            for range in [8..11, 11..12, u64::MAX - 1..u64::MAX] {
                assert_eq!(
                    source.read(range).unwrap_err().kind(),
                    io::ErrorKind::UnexpectedEof
                );
            }
        }
    }
}
