//! Why an object cannot be read.

use crate::aws::error::{AwsError, AwsErrorKind};
use crate::domain::S3Url;

/// Why an object could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ObjectError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// Access was denied, and the request did not offer to pay.
    #[error(
        "{cause}; if the bucket is requester pays, as the Sentinel-2 scene buckets are, submit with --request-payer"
    )]
    DeniedWithoutPaying {
        /// The error that S3 returned.
        cause: AwsError,
    },
    /// The object is larger than the caller allows.
    #[error(
        "{object} has {bytes} bytes, more than the {limit} that a band may have; is it the right object?"
    )]
    TooLarge {
        /// The object.
        object: S3Url,
        /// Its length in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes that arrived are not those that S3 stores.
    #[error("{object} arrived damaged ({what}); try again later")]
    Damaged {
        /// The object.
        object: S3Url,
        /// What does not match.
        what: String,
    },
    /// The connection broke off before all bytes had arrived.
    #[error("{object} did not arrive whole ({what}); try again later")]
    Incomplete {
        /// The object.
        object: S3Url,
        /// How far it came.
        what: String,
    },
    /// A new version replaced the object between two of its ranges.
    #[error("{object} was replaced while it was read; try again when its writer has finished")]
    Replaced {
        /// The object.
        object: S3Url,
    },
}

impl ObjectError {
    /// The error of a call. A denied request that did not offer to pay gets the advice to do so.
    pub(super) fn of_call(cause: AwsError, request_payer: bool) -> Self {
        if cause.kind() == AwsErrorKind::AccessDenied && !request_payer {
            Self::DeniedWithoutPaying { cause }
        } else {
            Self::Call(cause)
        }
    }

    /// Whether the same read may succeed later without a change by anybody.
    ///
    /// Wrong credentials and a wrong clock count as retryable: they are the caller's trouble, not the
    /// object's.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retryable() || error.is_of_the_caller(),
            Self::Damaged { .. } | Self::Incomplete { .. } | Self::Replaced { .. } => true,
            Self::DeniedWithoutPaying { .. } | Self::TooLarge { .. } => false,
        }
    }

    /// Whether access was denied.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Call(error) => error.kind() == AwsErrorKind::AccessDenied,
            Self::DeniedWithoutPaying { .. } => true,
            _ => false,
        }
    }

    /// The error as a short stable word, the `error_code` of a failed cell.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(error) => match error.kind() {
                AwsErrorKind::NotFound => "missing_object",
                AwsErrorKind::AccessDenied => "access_denied",
                AwsErrorKind::WrongRegion => "wrong_region",
                _ => "s3",
            },
            Self::DeniedWithoutPaying { .. } => "access_denied",
            Self::TooLarge { .. } => "too_large",
            Self::Damaged { .. } | Self::Incomplete { .. } | Self::Replaced { .. } => {
                "damaged_transfer"
            }
        }
    }
}
