//! What may happen, and how often.

/// How often each mishap may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Budget {
    /// A worker dies; another takes its place.
    pub(crate) crashes: u8,
    /// A message becomes visible while its holder goes on.
    pub(crate) expiries: u8,
    /// `submit` dies; the same command is run again.
    pub(crate) submit_crashes: u8,
    /// An operator runs `retry`.
    pub(crate) retries: u8,
    /// An operator runs a repair that sends everything pending again, in a search without retries.
    pub(crate) repairs: u8,
    /// `retry` or the repair dies; the same command is run again.
    pub(crate) retry_crashes: u8,
    /// A worker's call has its effect but its answer is lost, so the worker makes it again.
    pub(crate) lost_answers: u8,
    /// The notice cannot be sent.
    pub(crate) failed_notices: u8,
    /// An operator cancels the running task.
    pub(crate) cancels: u8,
    /// An operator runs `resume`, for a cancelled task or a running one.
    pub(crate) resumes: u8,
    /// `resume` dies; the same command is run again.
    pub(crate) resume_crashes: u8,
    /// The item of the first group is gone, as after an expiry or a wrong hand.
    pub(crate) lost_groups: u8,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Receive {
        worker: u8,
        place: u8,
    },
    /// A step of the ledger, or the announcement of a failed cell.
    Proceed(u8),
    WorkOk(u8),
    WorkFailed(u8),
    /// Counts the cells for the notice.
    Count(u8),
    /// Publishes what was counted, if it stands.
    Publish(u8),
    PublishFailed(u8),
    /// A publish, or a step of the ledger, whose answer is lost.
    AnswerLost(u8),
    Delete(u8),
    DeleteInVain(u8),
    Defer(u8),
    Crash(u8),
    Expire(u8),
    LeaseLapses,
    Submit,
    SubmitCrashes,
    RetryAsked,
    RepairAsked,
    Retry,
    RetryCrashes,
    Cancel,
    ResumeAsked,
    Resume,
    ResumeCrashes,
    GroupLost,
}
