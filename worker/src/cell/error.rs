//! Why a cell has no raster, and what that means for its message.

use std::fmt::Display;

use tilefleet_common::aws::{AwsErrorKind, ObjectError};
use tilefleet_common::ledger::transition::{BucketUse, Failure};
use tokio_util::sync::CancellationToken;

use super::band_source;
use super::memory_budget::TooLarge;
use super::publish::PublishError;
use crate::trouble::{self, Trouble};
use tilefleet_fuse::FuseError;

/// Why a cell has no raster.
#[derive(Debug)]
pub enum CellError {
    /// This input never gives one.
    Permanent(Failure),
    /// The cell failed, and another attempt can succeed.
    Retryable(Failure),
    /// It is not the cell's fault. That does not count as an attempt.
    Trouble(Trouble),
    /// Access to a bucket was denied: the cell's fault if this worker has used the bucket before.
    Denied {
        /// What was denied.
        access: BucketUse,
        /// The bucket.
        bucket: String,
        /// The failure, if it is the cell's.
        failure: Failure,
    },
    /// The cell needs more memory than this machine has, and the fleet has larger ones. That does
    /// not count as an attempt.
    NeedsLargerMachine(Failure),
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

    /// This machine's memory is too small for the cell.
    pub(super) fn of_memory(error: &TooLarge) -> Self {
        let failure = failure("memory", error);
        if error.fits_elsewhere() {
            Self::NeedsLargerMachine(failure)
        } else {
            Self::Permanent(failure)
        }
    }

    /// A band in `bucket` could not be read.
    pub(super) fn of_band(error: &ObjectError, bucket: &str) -> Self {
        if let Some(trouble) = trouble::of_scene(error) {
            return Self::Trouble(trouble);
        }
        let failure = failure(error.code(), error);
        if error.is_denied() {
            let bucket = bucket.to_owned();
            Self::Denied {
                access: BucketUse::Read,
                bucket,
                failure,
            }
        } else if error.is_retryable() {
            Self::Retryable(failure)
        } else {
            Self::Permanent(failure)
        }
    }

    /// The bands could not be fused.
    pub(super) fn of_fusion(error: &FuseError) -> Self {
        if let FuseError::Read { error, .. } = error
            && let Some(cause) = band_source::object_error(error)
        {
            // The band was open before: if access is denied now, it is not for want of a right.
            return match Self::of_band(cause, "") {
                Self::Denied { failure, .. } => Self::Retryable(failure),
                other => other,
            };
        }
        match error {
            FuseError::Thread { .. } => Self::Trouble(Trouble::of_machine(error)),
            _ if error.is_permanent() => Self::permanent(error.code(), error),
            _ => Self::retryable(error.code(), error),
        }
    }

    /// The artefact could not be published. `own_bucket` is the fleet's output bucket.
    pub(super) fn of_publication(error: &PublishError, own_bucket: Option<&str>) -> Self {
        let PublishError::Upload(cause) = error else {
            return Self::Interrupted;
        };
        if let Some(trouble) = trouble::of_upload(cause, own_bucket) {
            return Self::Trouble(trouble);
        }
        let failure = failure("publish", error);
        if cause.kind() == AwsErrorKind::AccessDenied {
            Self::Denied {
                access: BucketUse::Write,
                bucket: trouble::bucket_of(cause.target()),
                failure,
            }
        } else {
            Self::Permanent(failure)
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
