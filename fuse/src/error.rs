//! Why a cell could not be fused, and what to do about it.

use std::io;

use crate::band::Input;
use crate::cog::{CogError, GeoTagsError};
use crate::kernel::KernelError;

/// Failure of [`prepare`](super::prepare) or [`run`](super::Prepared::run).
///
/// A retry with the same bytes helps only where [`is_permanent`](Self::is_permanent) is false.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FuseError {
    /// The source of a band failed. Its own error, inside, says what to do.
    #[error("{input} cannot be read: {error}")]
    Read {
        /// The band.
        input: Input,
        /// What the [`Source`](super::Source) said.
        #[source]
        error: io::Error,
    },
    /// The output did not take the body. Its own error, inside, says what to do.
    #[error("the output cannot be written: {error}")]
    Write {
        /// What the [`Output`](super::Output) said.
        #[source]
        error: io::Error,
    },
    /// The object is something else. Fail the cell; its input names a wrong object.
    #[error(
        "{input} {looks_like}; a JPEG 2000 file (JP2) or a GeoTIFF is expected: check the key and what was uploaded there"
    )]
    NotJp2 {
        /// The band.
        input: Input,
        /// What it is instead, as a verb phrase.
        looks_like: String,
    },
    /// Bytes or tiles are missing. Fail the cell; a fresh download helps only if this one was cut.
    #[error(
        "{input} is incomplete at byte {offset}: {detail}; compare its size with the provider's, and upload it again"
    )]
    Truncated {
        /// The band.
        input: Input,
        /// Where, in bytes from the beginning of the object.
        offset: u64,
        /// What is missing.
        detail: String,
    },
    /// The structure of the file is broken. Fail the cell.
    #[error("{input} is damaged at byte {offset}: {detail}; fetch it from the provider again")]
    Malformed {
        /// The band.
        input: Input,
        /// Where, in bytes from the beginning of the object.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// A legal file of a kind that is not read here. Fail the cell.
    #[error(
        "{input} is not supported: {detail}; give a file of one band, north up, of integers of at most 16 bits"
    )]
    Unsupported {
        /// The band.
        input: Input,
        /// Which property of it.
        detail: String,
    },
    /// The bands do not lie on one grid, or on grids that go together. Fail the cell; it mixes
    /// tiles or products, or resolutions in a stack.
    #[error(
        "{one} {one_has} but {other} {other_has}: the bands of a cell must agree in {what}; \
         name bands of one product, and of one resolution to stack them"
    )]
    BandMismatch {
        /// The property that differs.
        what: &'static str,
        /// A band.
        one: Box<Input>,
        /// What it has, as a verb phrase.
        one_has: String,
        /// The first band of the cell.
        other: Box<Input>,
        /// What that one has.
        other_has: String,
    },
    /// The file does not say where it lies. Fail the cell.
    #[error(
        "{input} has no georeference: {detail}; use the provider's own file, not a re-encoded one"
    )]
    NoGeoreference {
        /// The band.
        input: Input,
        /// What is missing.
        detail: String,
    },
    /// A reader of the output would not know where it lies. Fail the cell.
    #[error(
        "{input} is in {system}, which GeoTIFF keys cannot hold; reproject the bands to a system \
         with an EPSG code, such as that of their UTM zone"
    )]
    Inexpressible {
        /// The band.
        input: Input,
        /// Name of its coordinate reference system.
        system: String,
    },
    /// A valid pixel is 0 or less. Fail the cell: 0 is nodata in the output.
    #[error(
        "{input} has the sample {value} at column {column}, row {row}, which is valid because \
         {because}; 0 is nodata here and valid samples are above it: mark it as nodata, or shift \
         the samples"
    )]
    SampleOutOfRange {
        /// The band.
        input: Input,
        /// The sample as it is stored.
        value: i32,
        /// From the left, from 0.
        column: u32,
        /// From the top, from 0.
        row: u32,
        /// What makes it valid, as a clause.
        because: String,
    },
    /// The decoder complained. Fail the cell; the pixels cannot be trusted.
    #[error("{input} cannot be decoded: {detail}; fetch it from the provider again")]
    Decode {
        /// The band.
        input: Input,
        /// The decoder's message, and where.
        detail: String,
    },
    /// The request itself is invalid. Fail the cell; the error is in the calling code.
    #[error("this request cannot be fused: {detail}")]
    Request {
        /// What is wrong with it.
        detail: String,
    },
    /// Memory ran out. Retry when less runs beside it, or on a larger machine.
    #[error(
        "no memory for {needed} bytes: {detail}; run fewer cells at a time or use a larger machine"
    )]
    Memory {
        /// Bytes that were requested.
        needed: u64,
        /// Why there are none.
        detail: String,
    },
    /// The kernel cannot make its outputs of these bands. Fail the cell.
    #[error("the outputs cannot be made of these bands: {0}")]
    Kernel(#[from] KernelError),
    /// The output cannot be made. Report it: a request that was accepted should not end like this.
    #[error("the output cannot be made: {0}")]
    Cog(#[source] CogError),
    /// A thread panicked. Retry, and report it if it stays.
    #[error("a thread of the fusion panicked: {detail}; report this as a bug")]
    Panic {
        /// The message of the panic.
        detail: String,
    },
    /// The operating system allows no more threads. Retry when less runs beside it.
    #[error(
        "a thread cannot be started: {error}; raise the limit on processes, or run fewer at a time"
    )]
    Thread {
        /// The operating system's error.
        #[source]
        error: io::Error,
    },
    /// The caller cancelled the work. Hand the cell back.
    #[error("the work was cancelled")]
    Cancelled,
    /// GDAL failed where no input explains it. Retry; if it stays, the machine or its GDAL is
    /// broken.
    #[error("GDAL could not {step}: {detail}; check the worker's GDAL and PROJ installation")]
    Internal {
        /// What was being done.
        step: &'static str,
        /// GDAL's message.
        detail: String,
    },
}

impl FuseError {
    /// Short stable name of the failure, for rows, events and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::NotJp2 { .. } => "not_jp2",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
            Self::Unsupported { .. }
            | Self::Inexpressible { .. }
            | Self::SampleOutOfRange { .. } => "unsupported",
            Self::BandMismatch { .. } => "band_mismatch",
            Self::NoGeoreference { .. } => "no_georeference",
            Self::Decode { .. } => "decode",
            Self::Request { .. } => "request",
            Self::Kernel(_) => "kernel",
            Self::Memory { .. } => "memory",
            Self::Cancelled => "cancelled",
            Self::Panic { .. } => "panic",
            Self::Cog(_) | Self::Thread { .. } | Self::Internal { .. } => "internal",
        }
    }

    /// The same bytes will fail again, on any machine. [`Read`](Self::Read) and
    /// [`Write`](Self::Write) never count as such: the error inside decides.
    pub fn is_permanent(&self) -> bool {
        !matches!(
            self,
            Self::Read { .. }
                | Self::Write { .. }
                | Self::Memory { .. }
                | Self::Cancelled
                | Self::Cog(_)
                | Self::Panic { .. }
                | Self::Thread { .. }
                | Self::Internal { .. }
        )
    }
}

impl From<CogError> for FuseError {
    fn from(error: CogError) -> Self {
        match error {
            CogError::Output(error) => Self::Write { error },
            // The cause has been reported by the thread that met it.
            CogError::Abandoned => Self::Cancelled,
            CogError::Unwritable { .. } => Self::Request {
                detail: error.to_string(),
            },
            other => Self::Cog(other),
        }
    }
}

impl From<GeoTagsError> for FuseError {
    fn from(error: GeoTagsError) -> Self {
        Self::Internal {
            step: "write the georeference",
            detail: error.to_string(),
        }
    }
}
