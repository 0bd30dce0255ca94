//! Sending messages in batches.

use std::time::Duration;

use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use aws_smithy_runtime_api::client::result::SdkError;

use super::error::QueueError;
use super::queue::{BATCH, BATCH_ATTEMPTS, BATCH_DELAY, Queue};
use crate::aws::error::AwsError;
use crate::aws::retry::RetryBudget;
use crate::fault::{self, Point};

/// Bytes of a batch, at most. SQS takes 1 MiB by now; emulators and older regions take 256 KiB.
const BATCH_BYTES: usize = 256 * 1024;

impl Queue {
    /// Sends all bodies, in batches, as messages of `group`: the queue shares its consumers among
    /// groups (Amazon SQS developer guide, "Amazon SQS fair queues"). Entries that a batch returns
    /// in `Failed` are sent again.
    ///
    /// # Errors
    /// [`QueueError`] when a call fails, or entries are refused or returned too often. Some bodies
    /// may be sent by then.
    pub async fn send(&self, group: &str, bodies: Vec<String>) -> Result<(), QueueError> {
        for batch in batches(bodies) {
            self.send_batch(group, batch).await?;
        }
        Ok(())
    }

    /// Sends one body that no consumer receives for `delay` (whole seconds, at most 15 minutes).
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn send_later(
        &self,
        group: &str,
        body: String,
        delay: Duration,
    ) -> Result<(), AwsError> {
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(group)
            .delay_seconds(i32::try_from(delay.as_secs()).unwrap_or(i32::MAX))
            .message_body(body);
        request.send().await.map_err(self.error("SendMessage"))?;
        Ok(())
    }

    /// Sends one batch, and again what it returns.
    async fn send_batch(&self, group: &str, mut bodies: Vec<String>) -> Result<(), QueueError> {
        let mut retries = RetryBudget::new(BATCH_ATTEMPTS, BATCH_DELAY);
        loop {
            // The id of an entry is the index of its body.
            let entries = bodies
                .iter()
                .enumerate()
                .map(|(index, body)| {
                    SendMessageBatchRequestEntry::builder()
                        .id(index.to_string())
                        .message_body(body)
                        .message_group_id(group)
                        .build()
                })
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| {
                    self.error::<SendMessageBatchError>("SendMessageBatch")(
                        SdkError::construction_failure(error),
                    )
                })?;
            let sent = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries))
                .send()
                .await;
            let sent = sent.map_err(self.error("SendMessageBatch"))?;
            fault::point(Point::Send);
            let Some(first) = sent.failed().first() else {
                return Ok(());
            };
            // A refused entry ends the attempts: the others of its batch do not matter any more.
            let count = sent.failed().len();
            let is_refused = sent
                .failed()
                .iter()
                .any(BatchResultErrorEntry::sender_fault);
            if is_refused {
                return Err(QueueError::rejected(&self.url, count, first));
            }
            let Some(delay) = retries.next_delay() else {
                return Err(QueueError::returned(
                    &self.url,
                    count,
                    BATCH_ATTEMPTS,
                    first,
                ));
            };
            // Only the entries that came back are sent again.
            tracing::warn!(
                queue = self.url,
                count,
                code = first.code(),
                "SQS returned messages of a batch; sending them again"
            );
            let returned: Vec<usize> = sent
                .failed()
                .iter()
                .filter_map(|entry| entry.id().parse().ok())
                .collect();
            bodies = bodies
                .into_iter()
                .enumerate()
                .filter_map(|(index, body)| returned.contains(&index).then_some(body))
                .collect();
            tokio::time::sleep(delay).await;
        }
    }
}

/// Splits bodies into batches within the limits of SQS, in number and in bytes.
fn batches(bodies: Vec<String>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = vec![];
    let mut bytes = 0;
    for body in bodies {
        let room = batches
            .last()
            .is_some_and(|batch| batch.len() < BATCH && bytes + body.len() <= BATCH_BYTES);
        bytes = if room { bytes + body.len() } else { body.len() };
        match batches.last_mut() {
            Some(batch) if room => batch.push(body),
            _ => batches.push(vec![body]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::canned::{self, Log};

    /// A queue that fails an entry if `fails`, given the number of requests before and the body,
    /// returns whether that is the sender's fault.
    fn queue(fails: impl Fn(usize, &str) -> Option<bool> + Send + Sync + 'static) -> (Queue, Log) {
        let (client, log) = canned::client(move |n, request| {
            let request: Value = serde_json::from_str(&request.body).unwrap();
            let (mut failed, mut successful) = (vec![], vec![]);
            for entry in request["Entries"].as_array().unwrap() {
                let id = entry["Id"].as_str().unwrap();
                match fails(n, entry["MessageBody"].as_str().unwrap()) {
                    Some(fault) => {
                        failed.push(
                            json!({"Id": id, "Code": "Odd", "Message": "no", "SenderFault": fault}),
                        );
                    }
                    None => {
                        successful.push(json!({"Id": id, "MessageId": id, "MD5OfMessageBody": ""}));
                    }
                }
            }
            canned::json(200, &json!({"Failed": failed, "Successful": successful}))
        });
        let config = canned::config!(aws_sdk_sqs, client).build();
        (
            Queue::new(
                aws_sdk_sqs::Client::from_conf(config),
                "http://queue/1".into(),
            ),
            log,
        )
    }

    fn sent(log: &Log) -> Vec<Vec<String>> {
        let bodies = |request: canned::Request| {
            let request: Value = serde_json::from_str(&request.body).unwrap();
            let entries = request["Entries"].as_array().unwrap().clone();
            entries
                .iter()
                .map(|entry| entry["MessageBody"].as_str().unwrap().to_owned())
                .collect()
        };
        log.requests().into_iter().map(bodies).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn only_entries_that_a_batch_returns_are_sent_again() {
        let (queue, log) = queue(|n, body| (n < 2 && body != "a").then_some(false));
        queue
            .send("t", ["a", "b", "c"].map(str::to_owned).to_vec())
            .await
            .unwrap();
        assert_eq!(
            sent(&log),
            [vec!["a", "b", "c"], vec!["b", "c"], vec!["b", "c"]]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn entries_that_every_batch_returns_are_an_error_in_the_end() {
        let (queue, log) = queue(|_, body| (body == "b").then_some(false));
        let error = queue
            .send("t", ["a", "b"].map(str::to_owned).to_vec())
            .await
            .unwrap_err();
        let message = "queue http://queue/1 returned 1 messages of a batch 8 times (Odd: no); try again later";
        assert_eq!(error.to_string(), message);
        assert_eq!(sent(&log).len(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_entries_are_not_sent_again() {
        let (queue, log) = queue(|_, body| (body == "b").then_some(true));
        let error = queue
            .send("t", ["a", "b"].map(str::to_owned).to_vec())
            .await
            .unwrap_err();
        assert!(
            matches!(error, QueueError::Rejected { count: 1, .. }),
            "{error}"
        );
        assert_eq!(sent(&log).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_entry_is_an_error_even_beside_retryable_ones() {
        let (queue, log) = queue(|_, body| match body {
            "a" => Some(false),
            "b" => Some(true),
            _ => None,
        });
        let error = queue
            .send("t", ["a", "b", "c"].map(str::to_owned).to_vec())
            .await
            .unwrap_err();
        assert!(
            matches!(error, QueueError::Rejected { count: 2, .. }),
            "{error}"
        );
        assert_eq!(sent(&log).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn later_batches_are_sent_after_one_that_failed_in_part() {
        let (queue, log) = queue(|n, body| (n == 0 && body == "3").then_some(false));
        queue
            .send("t", (0..12).map(|n| n.to_string()).collect())
            .await
            .unwrap();
        let sizes: Vec<usize> = sent(&log).iter().map(Vec::len).collect();
        assert_eq!(
            (sizes, &sent(&log)[1]),
            (vec![10, 1, 2], &vec!["3".to_owned()])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn every_message_names_the_group_that_shares_the_queue() {
        let (queue, log) = queue(|n, _| (n == 0).then_some(false));
        queue.send("rgb-1", vec!["a".to_owned()]).await.unwrap();
        let (client, later) = canned::client(|_, _| canned::json(200, &json!({"MessageId": "m"})));
        let config = canned::config!(aws_sdk_sqs, client).build();
        let client = aws_sdk_sqs::Client::from_conf(config);
        Queue::new(client, "http://queue/1".into())
            .send_later("rgb-1", "b".to_owned(), Duration::from_mins(15))
            .await
            .unwrap();
        let requests = [log.requests(), later.requests()].concat();
        assert_eq!(requests.len(), 3);
        for request in requests {
            let body = request.body;
            assert!(body.contains(r#""MessageGroupId":"rgb-1""#), "{body}");
        }
    }

    #[test]
    fn batches_hold_ten_messages_and_256_kib_at_most() {
        let small: Vec<usize> = batches(vec!["x".to_owned(); 25])
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(small, [10, 10, 5]);
        let large: Vec<usize> = batches(vec!["x".repeat(100_000); 5])
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(large, [2, 2, 1]);
        assert!(batches(vec![]).is_empty());
    }
}
