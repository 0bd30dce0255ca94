//! Why a queue operation failed.

use aws_sdk_sqs::types::BatchResultErrorEntry;

use crate::aws::error::AwsError;

/// Why a queue operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// SQS refused entries of a batch as the sender's fault: to send them again would not help.
    #[error("queue {queue} refused {count} messages of a batch for good ({code}: {message})")]
    Rejected {
        /// The queue's URL.
        queue: String,
        /// The number of entries.
        count: usize,
        /// SQS's error code of the first entry.
        code: String,
        /// SQS's message of the first entry.
        message: String,
    },
    /// SQS returned entries of a batch at every attempt.
    #[error(
        "queue {queue} returned {count} messages of a batch {attempts} times ({code}: {message}); try again later"
    )]
    Returned {
        /// The queue's URL.
        queue: String,
        /// The number of entries.
        count: usize,
        /// The number of attempts.
        attempts: u32,
        /// SQS's error code of the first entry.
        code: String,
        /// SQS's message of the first entry.
        message: String,
    },
}

impl QueueError {
    /// `count` entries were refused, of which `first` is the first.
    pub(super) fn rejected(queue: &str, count: usize, first: &BatchResultErrorEntry) -> Self {
        Self::Rejected {
            queue: queue.to_owned(),
            count,
            code: first.code().to_owned(),
            message: message(first),
        }
    }

    /// `count` entries were returned at all `attempts`, of which `first` is the first.
    pub(super) fn returned(
        queue: &str,
        count: usize,
        attempts: u32,
        first: &BatchResultErrorEntry,
    ) -> Self {
        Self::Returned {
            queue: queue.to_owned(),
            count,
            attempts,
            code: first.code().to_owned(),
            message: message(first),
        }
    }
}

fn message(entry: &BatchResultErrorEntry) -> String {
    entry.message().unwrap_or("no message").to_owned()
}
