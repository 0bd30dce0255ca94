//! What may happen to a call on its way.

/// What may happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The request arrives late.
    Delayed,
    /// The request does not arrive; its connection is closed.
    Lost,
    /// The request is carried out, and its connection is closed before the answer.
    AnswerLost,
    /// The connection is closed in the middle of the answer.
    CutShort,
    /// The request arrives twice.
    Repeated,
    /// HTTP status 500.
    Failed,
    /// HTTP status 503.
    Unavailable,
    /// The service refuses because it got too many requests.
    Throttled,
    /// The service denies access.
    Denied,
    /// The service does not know the caller's credentials.
    Unknown,
    /// The service says that the request was signed too long ago.
    Skewed,
    /// The last byte of the answer's body is another one.
    Damaged,
    /// The request arrives and is never answered.
    Unanswered,
    /// The answer stops in the middle, and its connection stays open.
    Stalled,
}

impl Trouble {
    /// Every kind that ends by itself.
    pub const BRIEF: [Self; 8] = [
        Self::Delayed,
        Self::Lost,
        Self::AnswerLost,
        Self::CutShort,
        Self::Repeated,
        Self::Failed,
        Self::Unavailable,
        Self::Throttled,
    ];
}
