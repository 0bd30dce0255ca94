//! Why a kernel could not make its outputs.

/// Failure of a [`Kernel`](super::Kernel). The same inputs fail again: a kernel depends on nothing
/// else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct KernelError {
    detail: String,
}

impl KernelError {
    /// With a cause and a next step, as a lowercase clause.
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
        }
    }
}
