//! Why a cell has no raster, and what that means for its message.

use std::fmt::Display;

use tilefleet_common::aws::{AwsErrorKind, ObjectError};
use tilefleet_common::ledger::transition::Failure;
use tokio_util::sync::CancellationToken;

use super::band_source;
use super::publish::PublishError;
use tilefleet_fuse::FuseError;

/// Why a cell has no raster.
#[derive(Debug)]
pub enum CellError {
    /// This input never gives one.
    Permanent(Failure),
    /// Another attempt can succeed.
    Retryable(Failure),
    /// This worker has to stop. That does not count as an attempt.
    Interrupted,
    /// Another worker can have the message, so this one must not publish any more.
    LeaseLost,
}

impl CellError {
    /// A failure for good.
    pub(super) fn permanent(code: &str, error: &dyn Display) -> Self {
        Self::Permanent(failure(code, error))
    }

    /// A failure after which another attempt can succeed.
    pub(super) fn retryable(code: &str, error: &dyn Display) -> Self {
        Self::Retryable(failure(code, error))
    }
}

/// A band could not be read.
impl From<&ObjectError> for CellError {
    fn from(error: &ObjectError) -> Self {
        if error.is_retryable() {
            Self::retryable(error.code(), error)
        } else {
            Self::permanent(error.code(), error)
        }
    }
}

/// The bands could not be fused.
impl From<&FuseError> for CellError {
    fn from(error: &FuseError) -> Self {
        if let FuseError::Read { error, .. } = error
            && let Some(cause) = band_source::object_error(error)
        {
            return cause.into();
        }
        if error.is_permanent() {
            Self::permanent(error.code(), error)
        } else {
            Self::retryable(error.code(), error)
        }
    }
}

/// The raster could not be published.
impl From<&PublishError> for CellError {
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Upload(cause)
                if !cause.is_retryable() && cause.kind() != AwsErrorKind::Credentials =>
            {
                Self::permanent("publish", error)
            }
            _ => Self::retryable("publish", error),
        }
    }
}

fn failure(code: &str, error: &dyn Display) -> Failure {
    Failure {
        code: code.to_owned(),
        message: error.to_string(),
    }
}

/// Waits for `work`, but not longer than until the worker must stop or the lease is lost.
///
/// # Errors
/// [`CellError::Interrupted`] or [`CellError::LeaseLost`].
pub(super) async fn or_cancelled<T>(
    stop: &CancellationToken,
    lease_lost: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, CellError> {
    tokio::select! {
        biased;
        () = lease_lost.cancelled() => Err(CellError::LeaseLost),
        () = stop.cancelled() => Err(CellError::Interrupted),
        done = work => Ok(done),
    }
}
