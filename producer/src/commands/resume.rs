//! `resume`: a cancelled task runs again, and all pending cells are sent again.
//!
//! The task runs before anything is sent, because workers drop the messages of a cancelled task. A
//! shard or a task without pending cells that is still open gets one message: its receiver carries
//! the protocol to its end. So does a group without open shards that is still open.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::dispatch::{Dispatch, DispatchError, Shard};
use tilefleet_common::domain::TaskId;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::{Open, TaskState, transition};
use tilefleet_common::tracker::rfc3339;

use crate::cli::{Exit, GlobalArgs, Output, ResumeArgs};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, in_time, wake};

/// Shards whose cells are sent at a time.
const SHARDS_AT_ONCE: usize = 16;

/// What `resume` has done.
#[derive(Debug, Serialize)]
struct ResumeOutcome {
    task: TaskId,
    state: TaskState,
    /// Whether it was cancelled.
    was_cancelled: bool,
    /// Messages sent.
    sent: u32,
    /// Whether one of them is there for a notice that is owed.
    notice_owed: bool,
    dry_run: bool,
}

impl ResumeOutcome {
    fn line(&self) -> String {
        let Self { task, sent, .. } = self;
        let would = if self.dry_run { "would be " } else { "" };
        let what = match (self.was_cancelled, self.notice_owed, sent) {
            (true, _, _) => format!(
                "was cancelled and {}, {sent} cells {would}sent",
                if self.dry_run {
                    "would run again"
                } else {
                    "runs again"
                }
            ),
            (_, true, _) => {
                format!(
                    "is complete but its notice is owed; one message {would}sent, whose receiver sends the notice"
                )
            }
            (_, _, 0) => "is complete and its notice is sent; nothing to resume".to_owned(),
            _ => format!("runs; {sent} pending cells {would}sent again"),
        };
        format!("task {task} {what}")
    }
}

/// Resumes the task.
pub(crate) async fn run(
    args: &ResumeArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let task = &args.task;
    let dry_run = args.dry_run;
    let mut record = fleet.task(task).await?;
    in_time(task, &record)?;
    let was_cancelled = record.state == TaskState::Cancelled;
    let unfinished = |cause| ProducerError::CommandUnfinished {
        command: "resume",
        task: task.clone(),
        cause: Box::new(cause),
    };
    // Workers drop the messages of a cancelled task, so it runs before anything is sent.
    if was_cancelled && !dry_run {
        fleet.ledger.write(&transition::resume_task(task)).await?;
        fault::point(Point::Resume);
        record = fleet.task(task).await.map_err(unfinished)?;
    }
    let resumption = Resumption {
        dispatch: fleet.dispatch(task, &record),
        dry_run,
    };
    // A complete task that owes its notice gets one message, whose receiver sends the notice.
    let sent = match record.state {
        TaskState::Complete if !record.owes_notice() => 0,
        TaskState::Complete => resumption
            .send_first_cell()
            .await
            .map_err(|error| unfinished(error.into()))?,
        _ => resumption
            .send_pending()
            .await
            .map_err(|error| unfinished(error.into()))?,
    };
    if !dry_run && sent > 0 {
        wake(&fleet, sent).await;
    }
    let outcome = ResumeOutcome {
        task: task.clone(),
        state: record.state,
        was_cancelled,
        sent,
        notice_owed: record.owes_notice(),
        dry_run,
    };
    output.outcome(&outcome.line(), &outcome)?;
    fleet.print_calls(global);
    Ok(Exit::Ok)
}

#[derive(Debug, Clone, Copy)]
struct Resumption<'a> {
    dispatch: Dispatch<'a>,
    dry_run: bool,
}

impl Resumption<'_> {
    /// Sends all pending cells, and one message for each shard that only has to be closed. Returns
    /// how many messages were sent.
    async fn send_pending(self) -> Result<u32, DispatchError> {
        let Dispatch {
            ledger,
            task,
            record,
            ..
        } = self.dispatch;
        let open = ledger.open(task, record).await?;
        if !self.dry_run {
            for &group in &open.missing {
                self.dispatch.create_group(group).await?;
            }
        }
        let sent = self
            .dispatch
            .cells_of_task()
            .shards(|_, _| false)
            .map_ok(|shard| self.send_shard(shard, &open))
            .try_buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(
                0_u32,
                |sum, sent| async move { Ok(sum.saturating_add(sent)) },
            )
            .await?;
        if !self.dry_run && record.submitted_at.is_none() {
            ledger
                .write(&transition::mark_submitted(
                    task,
                    &rfc3339(Timestamp::now()),
                ))
                .await?;
        }
        if record.open_groups.is_empty() {
            Ok(sent.saturating_add(self.send_first_cell().await?))
        } else {
            Ok(sent)
        }
    }

    async fn send_shard(self, mut shard: Shard, open: &Open) -> Result<u32, DispatchError> {
        if shard.sets.is_none() && !self.dry_run {
            shard.sets = Some(self.dispatch.create_shard(shard.number).await?);
        }
        let wanted = wanted(open, &shard);
        if self.dry_run {
            return Ok(u32::try_from(wanted.len()).unwrap_or(u32::MAX));
        }
        let sent = self.dispatch.send(&shard, &wanted).await?;
        self.dispatch.mark_enqueued(&shard).await?;
        Ok(sent)
    }

    /// Sends one message, whose receiver completes the task or sends its notice.
    async fn send_first_cell(self) -> Result<u32, DispatchError> {
        if self.dry_run {
            Ok(1)
        } else {
            self.dispatch.send_first_cell().await
        }
    }
}

/// The ordinals to send: those of all pending cells, or the first one of a shard that only has to
/// be closed, or whose group has to be.
fn wanted(open: &Open, shard: &Shard) -> BTreeSet<u32> {
    let pending = shard.pending();
    let is_to_be_closed =
        open.shards.contains(&shard.number) || open.unclosed.contains(&shard.number);
    if pending.is_empty() && is_to_be_closed {
        return shard.first_ordinal();
    }
    pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printed_outcomes;

    #[test]
    fn the_outcome_says_what_was_done() {
        let outcome = |was_cancelled, sent, notice_owed, dry_run| ResumeOutcome {
            task: "t".parse().unwrap(),
            state: TaskState::Running,
            was_cancelled,
            sent,
            notice_owed,
            dry_run,
        };
        let outcomes = [
            outcome(true, 3, false, false),
            outcome(true, 3, false, true),
            outcome(false, 3, false, true),
            outcome(false, 1, true, false),
            outcome(false, 0, false, false),
        ];
        insta::assert_snapshot!(printed_outcomes(&outcomes, ResumeOutcome::line));
    }
}
