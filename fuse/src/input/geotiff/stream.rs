//! The bytes of a TIFF as a stream, and the errors of its decoder.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tiff::TiffError;
use tiff::decoder::Decoder;

use crate::band::Band;
use crate::error::FuseError;
use crate::input::source::Source;

/// Bytes read at least where the decoder needs fewer.
const READ_AHEAD: u64 = 64 << 10;

pub(crate) type TiffDecoder = Decoder<Reader>;

pub(crate) fn explain(error: TiffError, band: &Band) -> FuseError {
    let input = band.into();
    match error {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let detail = "a directory, tile or strip ends too early".into();
            FuseError::Truncated {
                input,
                offset: band.bytes.len(),
                detail,
            }
        }
        TiffError::IoError(error) => match error.downcast::<Failed>() {
            Ok(Failed(error)) => FuseError::Read { input, error },
            // A decompressor's word for bytes that it did not write.
            Err(error) => FuseError::Malformed {
                input,
                offset: 0,
                detail: error.to_string(),
            },
        },
        TiffError::UnsupportedError(error) => FuseError::Unsupported {
            input,
            detail: format!("{error}; {PROFILE}"),
        },
        TiffError::LimitsExceeded => FuseError::Unsupported {
            input,
            detail: "its directory or a tile is too large".into(),
        },
        error => FuseError::Malformed {
            input,
            offset: 0,
            detail: error.to_string(),
        },
    }
}

pub(crate) const PROFILE: &str =
    "a GeoTIFF of one band is read, uncompressed, LZW, DEFLATE or ZSTD";

/// A source's error on its way through the TIFF decoder.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(#[source] io::Error);

/// A source as a stream with a window of bytes that have been read.
pub(crate) struct Reader {
    source: Arc<dyn Source>,
    at: u64,
    start: u64,
    window: Bytes,
}

impl Reader {
    pub(crate) fn new(source: &Arc<dyn Source>) -> Self {
        Self {
            source: Arc::clone(source),
            at: 0,
            start: 0,
            window: Bytes::new(),
        }
    }

    /// Reads exactly the bytes of a range, whose length the caller has bounded.
    pub(crate) fn read_range(&mut self, range: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let length =
            usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        out.resize(length, 0);
        self.at = range.start;
        self.read_exact(out)
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let end = self.source.len();
        if self.at >= end || out.is_empty() {
            return Ok(0);
        }
        let behind = self.start.saturating_add(self.window.len() as u64);
        if self.at < self.start || self.at >= behind {
            let ahead = READ_AHEAD.max(out.len() as u64);
            let range = self.at..end.min(self.at.saturating_add(ahead));
            self.window = self
                .source
                .read(range)
                .map_err(|error| io::Error::other(Failed(error)))?;
            self.start = self.at;
        }
        let skip = usize::try_from(self.at - self.start).map_err(io::Error::other)?;
        let there = self.window.get(skip..).unwrap_or_default();
        let count = there.len().min(out.len());
        for (out, &byte) in out.iter_mut().zip(there) {
            *out = byte;
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
