//! Deleting messages in batches, for many callers with one message each.

use std::time::Duration;

use aws_sdk_sqs::types::BatchResultErrorEntry;
use tokio::sync::{mpsc, oneshot};

use super::error::QueueError;
use super::queue::{BATCH, BATCH_ATTEMPTS, BATCH_DELAY, Queue};
use crate::aws::retry::RetryBudget;

/// How long the first message of a batch waits for others. This does not noticeably delay a cell
/// that takes seconds, and cells that take milliseconds fill a batch meanwhile.
const LINGER: Duration = Duration::from_millis(100);

/// Deletes received messages of one queue, up to ten by one request, for many callers with one
/// message each. Clones share the batches.
#[derive(Debug, Clone)]
pub struct DeleteBatcher {
    queue: Queue,
    pending: mpsc::Sender<Pending>,
}

/// A message to delete, and where its caller waits for the result.
#[derive(Debug)]
struct Pending {
    receipt: String,
    result: oneshot::Sender<Result<(), QueueError>>,
}

impl DeleteBatcher {
    /// Deletes from `queue`. Spawns a task that fills the batches, so it must be called within a
    /// tokio runtime.
    pub fn new(queue: Queue) -> Self {
        let (pending, mut received) = mpsc::channel::<Pending>(BATCH);
        let batch_queue = queue.clone();
        tokio::spawn(async move {
            while let Some(first) = received.recv().await {
                let mut batch = vec![first];
                let fill = async {
                    while batch.len() < BATCH {
                        let Some(next) = received.recv().await else {
                            return;
                        };
                        batch.push(next);
                    }
                };
                // When the time is over, the batch is sent as it is.
                let _ = tokio::time::timeout(LINGER, fill).await;
                let queue = batch_queue.clone();
                tokio::spawn(async move { delete_batch(&queue, batch).await });
            }
        });
        Self { queue, pending }
    }

    /// Deletes a received message, after at most 0.1 s of waiting for others.
    ///
    /// # Errors
    /// [`QueueError`] when the call fails, or SQS refuses or returns this message. The other
    /// messages of its batch do not matter.
    pub async fn delete(&self, receipt: String) -> Result<(), QueueError> {
        let (result, done) = oneshot::channel();
        let pending = Pending {
            receipt: receipt.clone(),
            result,
        };
        if self.pending.send(pending).await.is_ok()
            && let Ok(deleted) = done.await
        {
            return deleted;
        }
        // The task that fills the batches has panicked. To delete twice does no harm.
        Ok(self.queue.delete(&receipt).await?)
    }
}

/// Deletes a batch, and again what SQS returns of it. Each caller gets the result of its message.
async fn delete_batch(queue: &Queue, mut batch: Vec<Pending>) {
    let mut retries = RetryBudget::new(BATCH_ATTEMPTS, BATCH_DELAY);
    while !batch.is_empty() {
        let failed = match batch.as_slice() {
            [only] => queue.delete(&only.receipt).await.map(|()| vec![]),
            several => {
                let receipts = several.iter().map(|pending| pending.receipt.as_str());
                queue.delete_batch(receipts).await
            }
        };
        let failed = match failed {
            Ok(failed) => failed,
            Err(error) => {
                for pending in batch {
                    pending.finish(Err(error.clone().into()));
                }
                return;
            }
        };
        let delay = if failed.is_empty() {
            None
        } else {
            retries.next_delay()
        };
        batch = finish_or_keep(queue, batch, &failed, delay.is_none());
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
    }
}

/// Gives the callers of one attempt their results, and returns the messages to try again.
fn finish_or_keep(
    queue: &Queue,
    batch: Vec<Pending>,
    failed: &[BatchResultErrorEntry],
    is_last: bool,
) -> Vec<Pending> {
    let mut kept = vec![];
    for (index, pending) in batch.into_iter().enumerate() {
        match failed.iter().find(|entry| entry.id() == index.to_string()) {
            None => pending.finish(Ok(())),
            Some(entry) if entry.sender_fault() => {
                pending.finish(Err(QueueError::rejected(queue.url(), 1, entry)));
            }
            Some(entry) if is_last => {
                pending.finish(Err(QueueError::returned(
                    queue.url(),
                    1,
                    BATCH_ATTEMPTS,
                    entry,
                )));
            }
            Some(_) => kept.push(pending),
        }
    }
    kept
}

impl Pending {
    fn finish(self, result: Result<(), QueueError>) {
        // A caller that was cancelled does not need its result.
        let _ = self.result.send(result);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::canned::{self, Log};

    /// Deletes from a queue that fails an entry if `fails`, given the number of requests before and
    /// the receipt, returns whether that is the sender's fault.
    fn batcher(
        fails: impl Fn(usize, &str) -> Option<bool> + Send + Sync + 'static,
    ) -> (DeleteBatcher, Log) {
        let (client, log) = canned::client(move |n, request| {
            let request: Value = serde_json::from_str(&request.body).unwrap();
            let entries = request["Entries"].as_array().cloned().unwrap_or_default();
            let failed = entries.iter().filter_map(|entry| {
                let fault = fails(n, entry["ReceiptHandle"].as_str().unwrap())?;
                Some(json!({"Id": entry["Id"], "Code": "Odd", "SenderFault": fault}))
            });
            canned::json(
                200,
                &json!({"Failed": failed.collect::<Vec<_>>(), "Successful": []}),
            )
        });
        let config = canned::config!(aws_sdk_sqs, client).build();
        let queue = Queue::new(
            aws_sdk_sqs::Client::from_conf(config),
            "http://queue/1".into(),
        );
        (DeleteBatcher::new(queue), log)
    }

    /// The receipts of each request.
    fn requested(log: &Log) -> Vec<Vec<String>> {
        let receipts = |request: canned::Request| {
            let request: Value = serde_json::from_str(&request.body).unwrap();
            let text = |value: &Value| value["ReceiptHandle"].as_str().unwrap().to_owned();
            match request["Entries"].as_array() {
                Some(entries) => entries.iter().map(text).collect(),
                None => vec![text(&request)],
            }
        };
        log.requests().into_iter().map(receipts).collect()
    }

    async fn delete_all(batcher: &DeleteBatcher, receipts: &[&str]) -> Vec<Result<(), String>> {
        let all = receipts
            .iter()
            .map(|receipt| batcher.delete((*receipt).to_owned()));
        let answers = futures::future::join_all(all).await;
        answers
            .into_iter()
            .map(|answer| answer.map_err(|error| error.to_string()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_deleted_ten_by_ten_and_a_single_one_by_itself() {
        let (batcher, log) = batcher(|_, _| None);
        let receipts: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        let receipts: Vec<&str> = receipts.iter().map(String::as_str).collect();
        assert!(
            delete_all(&batcher, &receipts)
                .await
                .iter()
                .all(Result::is_ok)
        );
        let mut sizes: Vec<usize> = requested(&log).iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 10, 10]);
        let mut deleted = requested(&log).concat();
        deleted.sort_unstable();
        let mut wanted = receipts.clone();
        wanted.sort_unstable();
        assert_eq!(deleted, wanted);
    }

    #[tokio::test(start_paused = true)]
    async fn only_entries_that_a_batch_returns_are_deleted_again() {
        let (batcher, log) = batcher(|n, receipt| (n < 2 && receipt != "a").then_some(false));
        assert_eq!(
            delete_all(&batcher, &["a", "b", "c"]).await,
            [Ok(()), Ok(()), Ok(())]
        );
        assert_eq!(
            requested(&log),
            [vec!["a", "b", "c"], vec!["b", "c"], vec!["b", "c"]]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_entry_fails_only_its_own_caller() {
        let (batcher, log) = batcher(|_, receipt| (receipt == "b").then_some(true));
        let refused =
            "queue http://queue/1 refused 1 messages of a batch for good (Odd: no message)";
        assert_eq!(
            delete_all(&batcher, &["a", "b", "c"]).await,
            [Ok(()), Err(refused.into()), Ok(())]
        );
        assert_eq!(log.requests().len(), 1);
    }
}
