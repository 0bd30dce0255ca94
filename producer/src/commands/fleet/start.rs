//! `fleet start`: the group launches machines again, at once if cells wait.

use serde::Serialize;
use tilefleet_common::aws::{Group, Wake};

use crate::cli::{Output, StartArgs};
use crate::error::ProducerError;
use crate::fleet::FleetConnection;

/// What `fleet start` has done.
#[derive(Debug, Serialize)]
struct StartOutcome {
    group: String,
    was_stopped: bool,
    /// Messages in the queue, approximately: waiting and hidden.
    messages: u64,
    /// Workers that were ordered at once.
    ordered: u32,
    dry_run: bool,
}

impl StartOutcome {
    fn line(&self) -> String {
        let Self {
            group,
            was_stopped,
            messages,
            ordered,
            dry_run,
        } = self;
        let how = match (was_stopped, dry_run) {
            (false, _) => "was not stopped",
            (true, true) => "would launch machines again",
            (true, false) => "launches machines again",
        };
        format!("group {group} {how}; the queue has {messages} messages, {ordered} workers ordered")
    }
}

/// Starts the group, and wakes it if the queue has messages.
pub(super) async fn run(
    args: &StartArgs,
    fleet: &FleetConnection,
    group: &Group,
    output: &mut Output,
) -> Result<(), ProducerError> {
    let before = if args.dry_run {
        group.state().await?
    } else {
        group.resume().await?
    };
    let queue = fleet.queue.attributes().await?;
    let messages = queue.waiting.saturating_add(queue.hidden);
    let mut ordered = 0;
    if messages > 0 && !args.dry_run {
        let cells = u32::try_from(messages).unwrap_or(u32::MAX);
        let wake = group.order(&before, cells, fleet.cells_per_worker).await?;
        if let Wake::Ordered(workers) = wake {
            ordered = workers;
        }
    }
    let outcome = StartOutcome {
        group: group.name().to_owned(),
        was_stopped: before.is_stopped(),
        messages,
        ordered,
        dry_run: args.dry_run,
    };
    output.outcome(&outcome.line(), &outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_says_what_was_ordered() {
        let outcome = |was_stopped, dry_run| {
            StartOutcome {
                group: "t-workers".to_owned(),
                was_stopped,
                messages: 40,
                ordered: if dry_run { 0 } else { 2 },
                dry_run,
            }
            .line()
        };
        let lines = [
            outcome(true, false),
            outcome(true, true),
            outcome(false, false),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }
}
