use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchError;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;

use crate::aws::error::AwsError;
use crate::aws::retry::Attempts;
use crate::fault::{self, Point};

/// Messages of a batch, and of a receive, at most (Amazon SQS, "Message quotas").
pub(super) const BATCH: usize = 10;
/// Bytes of a batch, at most. SQS takes 1 MiB by now; emulators and older regions take 256 KiB.
const BATCH_BYTES: usize = 256 * 1024;
/// Tries of the entries that come back from a batch.
pub(super) const BATCH_TRIES: u32 = 8;
/// The first wait before they are tried again.
pub(super) const BATCH_WAIT: Duration = Duration::from_millis(100);

/// Why a queue operation gave up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// Entries of a batch came back as the sender's fault: sending them again would not help.
    #[error("queue {queue} refused {count} messages of a batch for good ({code}: {message})")]
    Rejected {
        /// The queue's URL.
        queue: String,
        /// How many entries.
        count: usize,
        /// Why, in SQS's word, of the first.
        code: String,
        /// Why, of the first.
        message: String,
    },
    /// Entries of a batch came back every time.
    #[error(
        "queue {queue} returned {count} messages of a batch {tries} times ({code}: {message}); try again later"
    )]
    Returned {
        /// The queue's URL.
        queue: String,
        /// How many entries.
        count: usize,
        /// How many tries.
        tries: u32,
        /// Why, in SQS's word, of the first.
        code: String,
        /// Why, of the first.
        message: String,
    },
}

/// A received message.
#[derive(Debug, Clone)]
pub struct Received {
    /// SQS's id of the message.
    pub id: String,
    /// The receipt handle of this receive.
    pub receipt: String,
    /// What was sent.
    pub body: String,
    /// How often it has been received, this time included.
    pub receives: u32,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
}

/// How a queue is set, and how much there is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAttributes {
    /// How long a received message stays hidden.
    pub visibility_timeout: Duration,
    /// How long a receive waits for a message.
    pub receive_wait: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// What becomes of a message that is received again and again.
    pub redrive: Option<Redrive>,
    /// About how many messages wait.
    pub waiting: u64,
    /// About how many messages are received and hidden.
    pub hidden: u64,
}

/// Where a message goes that is received again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue's ARN.
    pub target_arn: String,
    /// After so many receives.
    pub max_receives: u32,
}

impl QueueAttributes {
    const NAMES: [QueueAttributeName; 6] = [
        QueueAttributeName::VisibilityTimeout,
        QueueAttributeName::ReceiveMessageWaitTimeSeconds,
        QueueAttributeName::MessageRetentionPeriod,
        QueueAttributeName::RedrivePolicy,
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];

    /// Reads what SQS tells; what it does not tell is as a queue has it that was never set
    /// ("`SetQueueAttributes`").
    fn read(told: &HashMap<QueueAttributeName, String>) -> Self {
        let number = |name, otherwise| {
            told.get(&name)
                .and_then(|text| text.parse().ok())
                .unwrap_or(otherwise)
        };
        let seconds = |name, otherwise| Duration::from_secs(number(name, otherwise));
        Self {
            visibility_timeout: seconds(QueueAttributeName::VisibilityTimeout, 30),
            receive_wait: seconds(QueueAttributeName::ReceiveMessageWaitTimeSeconds, 0),
            retention: seconds(QueueAttributeName::MessageRetentionPeriod, 345_600),
            redrive: told
                .get(&QueueAttributeName::RedrivePolicy)
                .and_then(|policy| Redrive::read(policy)),
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages, 0),
            hidden: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, 0),
        }
    }
}

impl Redrive {
    fn read(policy: &str) -> Option<Self> {
        let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
        // The console writes the number as a number, older tools as a string.
        let receives = policy.get("maxReceiveCount")?;
        let receives = receives
            .as_u64()
            .or_else(|| receives.as_str()?.parse().ok())?;
        Some(Self {
            target_arn: policy.get("deadLetterTargetArn")?.as_str()?.to_owned(),
            max_receives: receives.try_into().ok()?,
        })
    }
}

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// The queue's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn error<E>(
        &self,
        operation: &'static str,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> AwsError + use<'_, E>
    where
        E: std::error::Error + aws_smithy_types::error::metadata::ProvideErrorMetadata + 'static,
    {
        move |error| AwsError::new("sqs", operation, &self.url, &error)
    }

    /// Sends every body, in batches; what a batch returns in `Failed` is sent again.
    ///
    /// # Errors
    /// [`QueueError`] when a call fails, or entries are refused for good or too often; some bodies
    /// may be sent by then.
    pub async fn send(&self, bodies: Vec<String>) -> Result<(), QueueError> {
        for batch in batches(bodies) {
            self.send_batch(batch).await?;
        }
        Ok(())
    }

    async fn send_batch(&self, mut bodies: Vec<String>) -> Result<(), QueueError> {
        let mut attempts = Attempts::new(BATCH_TRIES, BATCH_WAIT);
        loop {
            let entries = bodies
                .iter()
                .enumerate()
                .map(|(index, body)| {
                    SendMessageBatchRequestEntry::builder()
                        .id(index.to_string())
                        .message_body(body)
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
            let (count, queue) = (sent.failed().len(), self.url.clone());
            let (code, message) = (
                first.code().to_owned(),
                first.message().unwrap_or("no message").to_owned(),
            );
            if sent
                .failed()
                .iter()
                .any(BatchResultErrorEntry::sender_fault)
            {
                return Err(QueueError::Rejected {
                    queue,
                    count,
                    code,
                    message,
                });
            }
            let returned: Vec<usize> = sent
                .failed()
                .iter()
                .filter_map(|entry| entry.id().parse().ok())
                .collect();
            tracing::warn!(
                queue,
                count,
                code,
                "a batch came back in part; sending the rest again"
            );
            bodies = bodies
                .into_iter()
                .enumerate()
                .filter_map(|(index, body)| returned.contains(&index).then_some(body))
                .collect();
            if !attempts.again().await {
                return Err(QueueError::Returned {
                    queue,
                    count,
                    tries: BATCH_TRIES,
                    code,
                    message,
                });
            }
        }
    }

    /// Waits up to `wait` for messages and takes at most `most` of them (10 at the most).
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Received>, AwsError> {
        self.receive_for(most, wait, None).await
    }

    /// As [`Queue::receive`], hiding the messages for `hidden` instead of as long as the queue is
    /// set.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn receive_for(
        &self,
        most: usize,
        wait: Duration,
        hidden: Option<Duration>,
    ) -> Result<Vec<Received>, AwsError> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(most.clamp(1, BATCH)).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(20))
            .set_visibility_timeout(hidden.and_then(|hidden| i32::try_from(hidden.as_secs()).ok()))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(self.error("ReceiveMessage"))?;
        Ok(received
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(|message| Received {
                receives: told(
                    &message,
                    &MessageSystemAttributeName::ApproximateReceiveCount,
                )
                .unwrap_or(1),
                sent_at: told(&message, &MessageSystemAttributeName::SentTimestamp)
                    .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()),
                id: message.message_id.unwrap_or_default(),
                receipt: message.receipt_handle.unwrap_or_default(),
                body: message.body.unwrap_or_default(),
            })
            .collect())
    }

    /// Hides a received message for `hidden` from now; nothing makes it visible at once.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails; refused when the receive is too old.
    pub async fn hide(&self, receipt: &str, hidden: Duration) -> Result<(), AwsError> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(i32::try_from(hidden.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(self.error("ChangeMessageVisibility"))?;
        Ok(())
    }

    /// Removes a received message for good.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn delete(&self, receipt: &str) -> Result<(), AwsError> {
        let delete = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(receipt);
        delete.send().await.map_err(self.error("DeleteMessage"))?;
        Ok(())
    }

    /// Removes at most ten received messages for good, by one request, and answers with those that
    /// came back: the `id` of an entry is its place in `receipts`.
    pub(super) async fn delete_batch(
        &self,
        receipts: impl Iterator<Item = &str>,
    ) -> Result<Vec<BatchResultErrorEntry>, AwsError> {
        let entries = receipts
            .enumerate()
            .map(|(index, receipt)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(receipt)
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                self.error::<DeleteMessageBatchError>("DeleteMessageBatch")(
                    SdkError::construction_failure(error),
                )
            })?;
        let delete = self
            .client
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        Ok(delete
            .send()
            .await
            .map_err(self.error("DeleteMessageBatch"))?
            .failed)
    }

    /// How long a received message stays hidden, as the queue is set.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn visibility_timeout(&self) -> Result<Duration, AwsError> {
        Ok(self.attributes().await?.visibility_timeout)
    }

    /// How the queue is set, and how much there is in it.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn attributes(&self) -> Result<QueueAttributes, AwsError> {
        let get = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(QueueAttributes::NAMES.into()));
        let told = get.send().await.map_err(self.error("GetQueueAttributes"))?;
        Ok(QueueAttributes::read(&told.attributes.unwrap_or_default()))
    }
}

/// A number that SQS tells of a message.
fn told<N: std::str::FromStr>(message: &Message, name: &MessageSystemAttributeName) -> Option<N> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}

/// Cuts bodies into batches that SQS takes, in number and in bytes.
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

    /// A queue that returns the entries `fails` says, in the `n`-th request, as somebody's fault.
    fn queue(fails: impl Fn(usize, &str) -> Option<bool> + Send + Sync + 'static) -> (Queue, Log) {
        let (client, log) = canned::client(move |n, asked| {
            let request: Value = serde_json::from_str(&asked.body).unwrap();
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
                        successful.push(json!({"Id": id, "MessageId": id, "MD5OfMessageBody": ""}))
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
        let bodies = |asked: canned::Asked| {
            let request: Value = serde_json::from_str(&asked.body).unwrap();
            let entries = request["Entries"].as_array().unwrap().clone();
            entries
                .iter()
                .map(|entry| entry["MessageBody"].as_str().unwrap().to_owned())
                .collect()
        };
        log.requests().into_iter().map(bodies).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_entries_that_a_batch_returns_are_sent_again() {
        let (queue, log) = queue(|n, body| (n < 2 && body != "a").then_some(false));
        queue
            .send(["a", "b", "c"].map(str::to_owned).to_vec())
            .await
            .unwrap();
        assert_eq!(
            sent(&log),
            [vec!["a", "b", "c"], vec!["b", "c"], vec!["b", "c"]]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn entries_that_always_come_back_are_an_error_in_the_end() {
        let (queue, log) = queue(|_, body| (body == "b").then_some(false));
        let error = queue
            .send(["a", "b"].map(str::to_owned).to_vec())
            .await
            .unwrap_err();
        let words = "queue http://queue/1 returned 1 messages of a batch 8 times (Odd: no); try again later";
        assert_eq!(error.to_string(), words);
        assert_eq!(sent(&log).len(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn entries_that_are_refused_for_good_are_not_sent_again() {
        let (queue, log) = queue(|_, body| (body == "b").then_some(true));
        let error = queue
            .send(["a", "b"].map(str::to_owned).to_vec())
            .await
            .unwrap_err();
        assert!(
            matches!(error, QueueError::Rejected { count: 1, .. }),
            "{error}"
        );
        assert_eq!(sent(&log).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_for_good_is_told_even_beside_entries_that_may_pass() {
        let (queue, log) = queue(|_, body| match body {
            "a" => Some(false),
            "b" => Some(true),
            _ => None,
        });
        let error = queue
            .send(["a", "b", "c"].map(str::to_owned).to_vec())
            .await
            .unwrap_err();
        assert!(
            matches!(error, QueueError::Rejected { count: 2, .. }),
            "{error}"
        );
        assert_eq!(sent(&log).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn later_batches_are_sent_after_one_that_came_back_in_part() {
        let (queue, log) = queue(|n, body| (n == 0 && body == "3").then_some(false));
        queue
            .send((0..12).map(|n| n.to_string()).collect())
            .await
            .unwrap();
        let sizes: Vec<usize> = sent(&log).iter().map(Vec::len).collect();
        assert_eq!(
            (sizes, &sent(&log)[1]),
            (vec![10, 1, 2], &vec!["3".to_owned()])
        );
    }

    #[test]
    fn attributes_that_are_not_told_are_those_of_a_bare_queue() {
        let bare = QueueAttributes::read(&HashMap::new());
        assert_eq!(
            (bare.visibility_timeout, bare.redrive),
            (Duration::from_secs(30), None)
        );
        for count in ["10", "\"10\""] {
            let policy =
                format!(r#"{{"deadLetterTargetArn":"arn:dead","maxReceiveCount":{count}}}"#);
            let told = HashMap::from([
                (QueueAttributeName::VisibilityTimeout, "120".to_owned()),
                (QueueAttributeName::RedrivePolicy, policy),
            ]);
            let read = QueueAttributes::read(&told);
            assert_eq!(read.visibility_timeout, Duration::from_mins(2));
            assert_eq!(
                read.redrive,
                Some(Redrive {
                    target_arn: "arn:dead".into(),
                    max_receives: 10
                })
            );
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
