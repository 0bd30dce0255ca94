/// What may happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The request is late.
    Delayed,
    /// The request does not arrive; its connection is closed.
    Lost,
    /// The request arrives and is carried out, and its connection is closed before the answer.
    AnswerLost,
    /// The connection is closed in the middle of the answer.
    CutShort,
    /// The request arrives twice.
    Repeated,
    /// HTTP status 500.
    Failed,
    /// HTTP status 503.
    Unavailable,
    /// There are too many of its kind.
    Throttled,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 8] = [
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
