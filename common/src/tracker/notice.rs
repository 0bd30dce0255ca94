//! What the fleet publishes: that a cell has failed, and that a task has ended.

use crate::aws::{ObjectStore, Topic};
use crate::domain::{CellFailed, Event, TaskCancelled, TaskEnded, TaskId, TaskOutcome};
use crate::fault::{self, Point};
use crate::ledger::transition::{Failure, Notice, Ticket};
use crate::ledger::{Counted, Ledger, Progress, TaskRecord, counted};

use super::error::NoticeError;
use super::results;

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publication {
    /// It is out.
    Sent,
    /// There is none: the task has left the epoch.
    Moved,
}

/// Publishes events, with what the ledger says.
#[derive(Debug)]
pub(super) struct Notices {
    pub(super) ledger: Ledger,
    pub(super) objects: ObjectStore,
    pub(super) topic: Topic,
}

impl Notices {
    /// Publishes that a cell has failed. A topic that does not work must not keep the task from
    /// its end, and the task's notice counts the cell again; so an error is only logged.
    pub(super) async fn announce(&self, ticket: &Ticket, failure: &Failure) {
        // As it is now: after a retry, the epoch of a moment ago would make this event look like a
        // repeat of another.
        let task = match self.ledger.task(&ticket.task).await {
            Ok(Some(task)) => Ok(task),
            Ok(None) => Err("the task's item is gone".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let published = match task {
            Ok(task) => {
                let event = Event::CellFailed(CellFailed {
                    event_id: task.event_id(
                        &ticket.task,
                        format_args!("{}/{}", task.epoch, ticket.ordinal),
                    ),
                    task: ticket.task.clone(),
                    epoch: task.epoch,
                    ordinal: ticket.ordinal,
                    cell: ticket.cell,
                    code: failure.code.clone(),
                    message: failure.message.clone(),
                });
                self.topic
                    .publish(&event)
                    .await
                    .map_err(|error| error.to_string())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = published {
            tracing::warn!(
                error,
                "the event of a failed cell is not sent; the notice of the task will count the cell"
            );
        }
    }

    /// Counts the cells and publishes how the task has ended, with the results if it is complete. The
    /// header is read again after the count, before the results and before the notice; when the
    /// task was retried or resumed meanwhile, nothing is published.
    ///
    /// # Errors
    /// [`NoticeError`] when the notice did not go out.
    pub(super) async fn publish(
        &self,
        ticket: &Ticket,
        notice: Notice,
    ) -> Result<Publication, NoticeError> {
        let Some(task) = self.ledger.task(&ticket.task).await? else {
            return Ok(Publication::Moved);
        };
        // Count the cells, and see that nobody has reopened one meanwhile.
        let shards = self.ledger.shards(&ticket.task, &task).await?;
        let progress = Progress::of(&task, &shards);
        if !self.stands(ticket, notice, progress).await? {
            return Ok(Publication::Moved);
        }
        // Of a complete task the results come first: the notice names them.
        let (event, point) = match notice {
            Notice::Complete(epoch) => {
                let results = task.results(&ticket.task, epoch);
                results::write(
                    &self.ledger,
                    &self.objects,
                    &ticket.task,
                    &task,
                    &shards,
                    &results,
                )
                .await?;
                fault::point_of(Point::Results, &ticket.cell);
                if !self.stands(ticket, notice, progress).await? {
                    return Ok(Publication::Moved);
                }
                let event = complete_event(&ticket.task, &task, epoch, progress);
                (event, Point::Publish)
            }
            Notice::Cancelled(_) => {
                let event = cancelled_event(&ticket.task, &task, progress);
                (event, Point::PublishStop)
            }
        };
        let published = self.topic.publish(&event).await;
        published.map_err(NoticeError::Publish)?;
        fault::point_of(point, &ticket.cell);
        tracing::info!(
            task = %ticket.task, event = event.name(), ok = progress.ok, failed = progress.failed,
            without_raster = progress.without_raster(),
            "the task has ended; its notice is sent"
        );
        Ok(Publication::Sent)
    }

    /// Whether what was counted is what became of the cells in `epoch`.
    async fn stands(
        &self,
        ticket: &Ticket,
        notice: Notice,
        progress: Progress,
    ) -> Result<bool, NoticeError> {
        let now = self.ledger.task(&ticket.task).await?;
        match counted(notice, progress, now.as_ref()) {
            Counted::Stands => Ok(true),
            Counted::Moved => {
                tracing::info!(
                    task = %ticket.task, ?notice,
                    "the task was retried or resumed before its notice was sent; its next notice tells"
                );
                Ok(false)
            }
            Counted::Incomplete => Err(NoticeError::Incomplete {
                remaining: progress.remaining,
                cells: progress.cells,
            }),
        }
    }
}

fn complete_event(task: &TaskId, record: &TaskRecord, epoch: u32, progress: Progress) -> Event {
    Event::TaskComplete(TaskEnded {
        event_id: record.event_id(task, format_args!("{epoch}")),
        task: task.clone(),
        epoch,
        outcome: TaskOutcome::of_counts(progress.cells, progress.failed),
        cells: progress.cells,
        ok: progress.ok,
        failed: progress.failed,
        outside_area: progress.outside_area,
        too_few_valid: progress.too_few_valid,
        results: record.results(task, epoch),
        created_at: record.created_at.clone(),
        completed_at: record.completed_at.clone().unwrap_or_default(),
    })
}

/// The event of a cancelled or stopped task, whose header is `record` and whose cells were counted.
/// The count of cancellations makes the same cancellation the same event, whoever publishes it.
pub fn cancelled_event(task: &TaskId, record: &TaskRecord, progress: Progress) -> Event {
    let event = TaskCancelled {
        event_id: record.event_id(
            task,
            format_args!("{}/cancelled/{}", record.epoch, record.cancels),
        ),
        task: task.clone(),
        epoch: record.epoch,
        reason: record.reason.clone().unwrap_or_default(),
        cells: progress.cells,
        ok: progress.ok,
        failed: progress.failed,
        outside_area: progress.outside_area,
        too_few_valid: progress.too_few_valid,
        remaining: progress.remaining,
        created_at: record.created_at.clone(),
        cancelled_at: record.cancelled_at.clone().unwrap_or_default(),
    };
    if record.stopped {
        Event::TaskStopped(event)
    } else {
        Event::TaskCancelled(event)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};

    use super::*;
    use crate::aws::canned;
    use crate::domain::JobId;

    /// The header of a task of two probes.
    fn header(state: &str, epoch: u32) -> Value {
        let text = |text: &str| json!({ "S": text });
        let number = |number: u32| json!({ "N": number.to_string() });
        json!({
            "state": text(state), "epoch": number(epoch), "layout": number(2), "cells": number(2),
            "shard_size": number(2), "group_size": number(1), "recipe": text("probe"), "digest": text("d"),
            "manifest": text("s3://out/m"), "output": text("s3://out/"), "created_at": text("then"), "message_key": text(&"0".repeat(32)),
        })
    }

    /// Publishes the notice of epoch 1 when these headers are read one after the other and one cell
    /// has failed, the other being `ok`, `failed` or `pending`. Returns also the calls to S3 and SNS.
    async fn publish(
        headers: [(&'static str, u32); 3],
        other: &'static str,
    ) -> (Result<Publication, NoticeError>, usize, usize) {
        let read = Arc::new(AtomicUsize::new(0));
        let (client, _) = canned::client(move |_, request| {
            match request.header("x-amz-target").rsplit('.').next() {
                Some("GetItem") => {
                    let (state, epoch) = headers[read.fetch_add(1, Ordering::Relaxed)];
                    canned::json(200, &json!({"Item": header(state, epoch)}))
                }
                Some("BatchGetItem") => {
                    let mut shard =
                        json!({"pk": {"S": "T#t#0"}, "sk": {"S": "SHARD"}, "size": {"N": "2"}});
                    shard["failed"] = json!({"NS": ["0"]});
                    if other == "pending" {
                        shard["pending"] = json!({"NS": ["1"]});
                    }
                    canned::json(200, &json!({"Responses": {"table": [shard]}}))
                }
                _ => canned::json(200, &json!({"Items": []})),
            }
        });
        let config = canned::config!(aws_sdk_dynamodb, client).build();
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::from_conf(config), "table".into());
        let (client, objects) =
            canned::client(|_, _| (200, vec![("etag", "\"t\"".into())], vec![]));
        let store = canned::config!(aws_sdk_s3, client).force_path_style(true);
        let (client, events) = canned::client(|_, _| {
            let body = "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>";
            (200, vec![], body.as_bytes().to_vec())
        });
        let config = canned::config!(aws_sdk_sns, client).build();
        let notices = Notices {
            ledger,
            objects: ObjectStore::new(store),
            topic: Topic::new(aws_sdk_sns::Client::from_conf(config), "arn".into()),
        };
        let ticket = Ticket {
            task: "t".parse().unwrap(),
            shard: 0,
            group: 0,
            ordinal: 0,
            cell: "48RXT/2020-08-01/0".parse().unwrap(),
            job: JobId::Probe,
            reopened: 0,
            expires_at: None,
        };
        let published = notices.publish(&ticket, Notice::Complete(1)).await;
        (published, objects.requests().len(), events.requests().len())
    }

    const COMPLETE: (&str, u32) = ("COMPLETE", 1);
    const RETRIED: (&str, u32) = ("RUNNING", 2);
    const COMPLETE_AGAIN: (&str, u32) = ("COMPLETE", 2);

    #[tokio::test]
    async fn a_notice_goes_out_when_the_task_stays_in_its_epoch() {
        let (published, objects, events) = publish([COMPLETE; 3], "ok").await;
        assert_eq!(
            (published.unwrap(), objects, events),
            (Publication::Sent, 1, 1)
        );
    }

    #[tokio::test]
    async fn a_retry_while_the_cells_are_counted_leaves_the_notice_to_the_next_epoch() {
        for then in [RETRIED, COMPLETE_AGAIN] {
            let (published, objects, events) = publish([COMPLETE, then, then], "pending").await;
            assert_eq!(
                (published.unwrap(), objects, events),
                (Publication::Moved, 0, 0)
            );
            let (published, objects, events) = publish([COMPLETE, COMPLETE, then], "ok").await;
            assert_eq!(
                (published.unwrap(), objects, events),
                (Publication::Moved, 1, 0)
            );
        }
    }

    #[tokio::test]
    async fn a_complete_task_with_a_pending_cell_sends_no_notice_and_says_why() {
        let (published, objects, events) = publish([COMPLETE; 3], "pending").await;
        let why = published.unwrap_err().to_string();
        assert_eq!(
            why,
            "the task is complete, but 1 of its 2 cells are neither ok nor failed; verify the task"
        );
        assert_eq!((objects, events), (0, 0));
    }
}
