//! `resume`: a cancelled task runs again, and all that is pending is sent again.
//!
//! The task runs before anything is sent, because workers drop the messages of a cancelled one. A
//! shard or a task that only waits for somebody to close it gets one message: whoever receives it
//! carries the protocol to its end.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::domain::{TaskId, ordinals_of_shard};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::{
    Answer, CodecError, Key, LedgerError, ShardRecord, TaskRecord, TaskState, transition,
};
use tilefleet_common::tracker::rfc3339;

use crate::cli::{Exit, Global, Output, Resume};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Resend, Shard, wake};

/// Shards whose cells are sent at a time.
const SHARDS_AT_ONCE: usize = 16;

/// What `resume` tells.
#[derive(Debug, Serialize)]
struct Report {
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

impl Report {
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
                    "is complete but its notice is owed; one message {would}sent, whose receiver sends it"
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
    arguments: &Resume,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let task = &arguments.task;
    let dry_run = arguments.dry_run;
    let mut record = fleet.task(task).await?;
    let was_cancelled = record.state == TaskState::Cancelled;
    let broke_off = |cause| ProducerError::BrokeOff {
        command: "resume",
        task: task.clone(),
        cause: Box::new(cause),
    };
    if was_cancelled && !dry_run {
        fleet.ledger.write(&transition::resume_task(task)).await?;
        fault::point(Point::Resume);
        record = fleet.task(task).await.map_err(broke_off)?;
    }
    let resumption = Resumption {
        resend: Resend {
            fleet: &fleet,
            task,
            record: &record,
        },
        dry_run,
    };
    let sent = match record.state {
        TaskState::Complete if !record.owes_notice() => 0,
        TaskState::Complete => resumption.send_duty().await.map_err(broke_off)?,
        _ => resumption.send_pending().await.map_err(broke_off)?,
    };
    if !dry_run && sent > 0 {
        wake::run(&fleet, sent).await;
    }
    let report = Report {
        task: task.clone(),
        state: record.state,
        was_cancelled,
        sent,
        notice_owed: record.owes_notice(),
        dry_run,
    };
    output.report(&report.line(), &report)?;
    fleet.tell_calls(global);
    Ok(Exit::Ok)
}

#[derive(Debug, Clone, Copy)]
struct Resumption<'a> {
    resend: Resend<'a>,
    dry_run: bool,
}

impl Resumption<'_> {
    /// Sends everything pending, and to each shard that only waits to be closed one message.
    async fn send_pending(self) -> Result<u32, ProducerError> {
        let Resend {
            fleet,
            task,
            record,
        } = self.resend;
        let sent = self
            .resend
            .sources()
            .shards(|_, _| false)
            .map_ok(move |shard| self.send_shard(shard))
            .try_buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(
                0_u32,
                |sum, sent| async move { Ok(sum.saturating_add(sent)) },
            )
            .await?;
        if !self.dry_run && record.submitted_at.is_none() {
            fleet
                .ledger
                .write(&transition::mark_submitted(
                    task,
                    &rfc3339(Timestamp::now()),
                ))
                .await?;
        }
        if record.open_shards.is_empty() {
            Ok(sent.saturating_add(self.send_duty().await?))
        } else {
            Ok(sent)
        }
    }

    async fn send_shard(self, mut shard: Shard) -> Result<u32, ProducerError> {
        let record = self.resend.record;
        if shard.sets.is_none() && !self.dry_run {
            shard.sets = Some(create(self.resend, shard.number).await?);
        }
        let wanted = wanted(record, &shard);
        if self.dry_run {
            return Ok(u32::try_from(wanted.len()).unwrap_or(u32::MAX));
        }
        let sent = self.resend.cells(&shard, &wanted).await?;
        self.resend.mark(&shard).await?;
        Ok(sent)
    }

    /// Sends one message, for whoever receives it to complete the task or to send its notice.
    async fn send_duty(self) -> Result<u32, ProducerError> {
        if self.dry_run {
            Ok(1)
        } else {
            send_duty(self.resend).await
        }
    }
}

/// What of the shard is to be sent: all that is pending, or the first cell for a shard that waits
/// to be closed.
fn wanted(record: &TaskRecord, shard: &Shard) -> BTreeSet<u32> {
    let pending = shard.pending();
    if pending.is_empty() && record.open_shards.contains(&shard.number) {
        return shard
            .cells
            .first()
            .map(|(ordinal, _)| *ordinal)
            .into_iter()
            .collect();
    }
    pending
}

/// Brings a shard into being that the submit has not reached, or finds the one that is there.
pub(crate) async fn create(resend: Resend<'_>, shard: u32) -> Result<ShardRecord, ProducerError> {
    let Resend {
        fleet,
        task,
        record,
    } = resend;
    let ordinals = ordinals_of_shard(shard, record.cells, record.shard_size);
    let write = transition::create_shard(task, shard, ordinals);
    let item = match fleet.ledger.write(&write).await? {
        Answer::Applied(item) => item,
        Answer::Refused(item) => item.unwrap_or_default(),
    };
    let unreadable = |source: CodecError| LedgerError::Item {
        key: Key::Shard(task.clone(), shard).to_string(),
        source,
    };
    Ok(ShardRecord::from_item(&item).map_err(unreadable)?)
}

/// Sends the message of the task's first cell, whatever became of that.
pub(crate) async fn send_duty(resend: Resend<'_>) -> Result<u32, ProducerError> {
    let mut shards = std::pin::pin!(resend.sources().shards(|_, _| false));
    match shards.try_next().await? {
        Some(shard) => {
            resend
                .cells(
                    &shard,
                    &shard
                        .cells
                        .iter()
                        .take(1)
                        .map(|(ordinal, _)| *ordinal)
                        .collect(),
                )
                .await
        }
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said() {
        let report = |was_cancelled, sent, notice_owed, dry_run| {
            let (task, state) = ("t".parse().unwrap(), TaskState::Running);
            Report {
                task,
                state,
                was_cancelled,
                sent,
                notice_owed,
                dry_run,
            }
            .line()
        };
        assert_eq!(
            report(true, 3, false, false),
            "task t was cancelled and runs again, 3 cells sent"
        );
        assert_eq!(
            report(false, 3, false, true),
            "task t runs; 3 pending cells would be sent again"
        );
        assert_eq!(
            report(false, 1, true, false),
            "task t is complete but its notice is owed; one message sent, whose receiver sends it"
        );
        assert_eq!(
            report(false, 0, false, false),
            "task t is complete and its notice is sent; nothing to resume"
        );
    }
}
