use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::queue::{BATCH, BATCH_TRIES, BATCH_WAIT, Queue, QueueError};
use crate::aws::error::AwsError;
use crate::aws::retry::Attempts;

/// How long a message that is to be deleted waits for others. A cell that takes seconds is not held
/// noticeably longer by it, and cells that take milliseconds fill a batch meanwhile.
const LINGER: Duration = Duration::from_millis(100);

/// Deletes received messages of one queue, up to ten by one request, for many who are done with one
/// each.
#[derive(Debug, Clone)]
pub struct DeleteBatcher {
    queue: Queue,
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
struct Order {
    receipt: String,
    done: oneshot::Sender<Result<(), QueueError>>,
}

impl DeleteBatcher {
    /// Deletes messages of `queue`. Within a runtime only, whose task they are.
    pub fn of(queue: Queue) -> Self {
        let (orders, mut ordered) = mpsc::channel::<Order>(BATCH);
        let batches = queue.clone();
        tokio::spawn(async move {
            while let Some(first) = ordered.recv().await {
                let mut batch = vec![first];
                let others = async {
                    while batch.len() < BATCH {
                        let Some(order) = ordered.recv().await else {
                            return;
                        };
                        batch.push(order);
                    }
                };
                // Too few in time: as many as there are.
                let _ = tokio::time::timeout(LINGER, others).await;
                let queue = batches.clone();
                tokio::spawn(async move { delete(&queue, batch).await });
            }
        });
        Self { queue, orders }
    }

    /// Removes a received message for good, within a moment.
    ///
    /// # Errors
    /// [`QueueError`] when the call fails, or this message comes back; the others of its batch do
    /// not matter.
    pub async fn delete(&self, receipt: String) -> Result<(), QueueError> {
        let (done, answer) = oneshot::channel();
        let order = Order {
            receipt: receipt.clone(),
            done,
        };
        if self.orders.send(order).await.is_ok()
            && let Ok(deleted) = answer.await
        {
            return deleted;
        }
        // Whoever collects them is gone, which takes a panic. Deleting twice does no harm.
        Ok(self.queue.delete(&receipt).await?)
    }
}

/// Deletes a batch, again what comes back of it, and tells each of its own.
async fn delete(queue: &Queue, mut batch: Vec<Order>) {
    let mut attempts = Attempts::new(BATCH_TRIES, BATCH_WAIT);
    loop {
        let failed = match batch.as_slice() {
            [] => return,
            [only] => queue.delete(&only.receipt).await.map(|()| vec![]),
            several => {
                queue
                    .delete_batch(several.iter().map(|order| order.receipt.as_str()))
                    .await
            }
        };
        let failed = match failed {
            Ok(failed) => failed,
            Err(error) => return tell(batch, &error),
        };
        let last = !failed.is_empty() && !attempts.again().await;
        let mut again = vec![];
        for (index, order) in batch.into_iter().enumerate() {
            let answer = match failed.iter().find(|entry| entry.id() == index.to_string()) {
                None => Ok(()),
                Some(entry) => {
                    let (queue, count) = (queue.url().to_owned(), 1);
                    let (code, message) = (
                        entry.code().to_owned(),
                        entry.message().unwrap_or("no message").to_owned(),
                    );
                    if entry.sender_fault() {
                        Err(QueueError::Rejected {
                            queue,
                            count,
                            code,
                            message,
                        })
                    } else if last {
                        Err(QueueError::Returned {
                            queue,
                            count,
                            tries: BATCH_TRIES,
                            code,
                            message,
                        })
                    } else {
                        again.push(order);
                        continue;
                    }
                }
            };
            // Who does not wait any more does not want to know.
            let _ = order.done.send(answer);
        }
        batch = again;
    }
}

fn tell(batch: Vec<Order>, error: &AwsError) {
    for order in batch {
        let _ = order.done.send(Err(error.clone().into()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::canned::{self, Log};

    /// A queue that returns the entries `fails` says, in the `n`-th request, as somebody's fault.
    fn deletions(
        fails: impl Fn(usize, &str) -> Option<bool> + Send + Sync + 'static,
    ) -> (DeleteBatcher, Log) {
        let (client, log) = canned::client(move |n, asked| {
            let request: Value = serde_json::from_str(&asked.body).unwrap();
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
        (DeleteBatcher::of(queue), log)
    }

    /// Receipts of each request.
    fn asked(log: &Log) -> Vec<Vec<String>> {
        let receipts = |asked: canned::Asked| {
            let request: Value = serde_json::from_str(&asked.body).unwrap();
            let text = |value: &Value| value["ReceiptHandle"].as_str().unwrap().to_owned();
            match request["Entries"].as_array() {
                Some(entries) => entries.iter().map(text).collect(),
                None => vec![text(&request)],
            }
        };
        log.requests().into_iter().map(receipts).collect()
    }

    async fn delete_all(deletions: &DeleteBatcher, receipts: &[&str]) -> Vec<Result<(), String>> {
        let all = receipts
            .iter()
            .map(|receipt| deletions.delete((*receipt).to_owned()));
        let answers = futures::future::join_all(all).await;
        answers
            .into_iter()
            .map(|answer| answer.map_err(|error| error.to_string()))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn many_are_deleted_ten_by_ten_and_one_alone_by_itself() {
        let (deletions, log) = deletions(|_, _| None);
        let receipts: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        let receipts: Vec<&str> = receipts.iter().map(String::as_str).collect();
        assert!(
            delete_all(&deletions, &receipts)
                .await
                .iter()
                .all(Result::is_ok)
        );
        let mut sizes: Vec<usize> = asked(&log).iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 10, 10]);
        let mut deleted = asked(&log).concat();
        deleted.sort_unstable();
        let mut wanted = receipts.clone();
        wanted.sort_unstable();
        assert_eq!(deleted, wanted);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_a_batch_returns_is_deleted_again() {
        let (deletions, log) = deletions(|n, receipt| (n < 2 && receipt != "a").then_some(false));
        assert_eq!(
            delete_all(&deletions, &["a", "b", "c"]).await,
            [Ok(()), Ok(()), Ok(())]
        );
        assert_eq!(
            asked(&log),
            [vec!["a", "b", "c"], vec!["b", "c"], vec!["b", "c"]]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_knows_and_the_others_do_not_mind() {
        let (deletions, log) = deletions(|_, receipt| (receipt == "b").then_some(true));
        let refused =
            "queue http://queue/1 refused 1 messages of a batch for good (Odd: no message)";
        assert_eq!(
            delete_all(&deletions, &["a", "b", "c"]).await,
            [Ok(()), Err(refused.into()), Ok(())]
        );
        assert_eq!(log.requests().len(), 1);
    }
}
