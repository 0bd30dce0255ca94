//! Errors of the decoder as errors of a band, and a band's bytes as the decoder reads them.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use tilefleet_jpeg2000::{Error, Flaw, FlawKind, ReadRange};

use crate::band::{Band, Input};
use crate::error::FuseError;
use crate::input::source::Source;

/// A band's bytes, as the decoder reads them.
pub(crate) struct BandBytes<'a>(pub(crate) &'a dyn Source);

impl ReadRange for BandBytes<'_> {
    fn length(&self) -> u64 {
        self.0.len()
    }

    fn read_range(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.0.read(range)
    }
}

/// What is wrong with the file, with the band's name on it.
pub(crate) fn explain(error: Error, band: &Band) -> FuseError {
    let input = Input::from(band);
    match error {
        Error::Read(error) => FuseError::Read { input, error },
        Error::Stopped => FuseError::Cancelled,
        Error::Flaw(Flaw {
            kind,
            offset,
            detail,
        }) => match kind {
            FlawKind::Truncated => FuseError::Truncated {
                input,
                offset,
                detail,
            },
            FlawKind::Malformed => FuseError::Malformed {
                input,
                offset,
                detail,
            },
            FlawKind::Unsupported => FuseError::Unsupported { input, detail },
        },
    }
}
