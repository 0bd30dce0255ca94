//! Why the radiometry of bands was not found.

use tilefleet_common::aws::ObjectError;
use tilefleet_common::domain::{DomainError, RadiometryError};

/// Why the radiometry of bands was not found.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The documents do not say it.
    #[error(transparent)]
    Radiometry(#[from] RadiometryError),
    /// A document in S3 could not be read, although it may exist.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A document has no address.
    #[error(transparent)]
    Address(#[from] DomainError),
    /// A document on this machine could not be read, although it exists.
    #[error("{path} cannot be read: {cause}; check the file")]
    File {
        /// Its path.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}
