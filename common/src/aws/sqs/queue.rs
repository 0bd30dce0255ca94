//! A queue: receiving, hiding and deleting messages.

use std::time::Duration;

use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchError;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;

use super::attributes::QueueAttributes;
use crate::aws::error::AwsError;
use crate::aws::timeouts;

/// Messages of a batch, and of a receive, at most (Amazon SQS developer guide, "Message quotas").
pub(super) const BATCH: usize = 10;
/// Attempts to send or delete the entries that a batch returns.
pub(super) const BATCH_ATTEMPTS: u32 = 8;
/// The delay after the first of them.
pub(super) const BATCH_DELAY: Duration = Duration::from_millis(100);

/// A received message.
#[derive(Debug, Clone)]
pub struct Received {
    /// The id that SQS gave the message.
    pub id: String,
    /// The receipt handle of this receive.
    pub receipt: String,
    /// The body that was sent.
    pub body: String,
    /// How often the message was received, this time included.
    pub receives: u32,
    /// When the message was sent.
    pub sent_at: Option<Timestamp>,
}

/// An SQS queue.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(super) client: aws_sdk_sqs::Client,
    pub(super) url: String,
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

    /// Turns the SDK's error of an operation on this queue into ours.
    pub(super) fn error<E>(
        &self,
        operation: &'static str,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> AwsError + use<'_, E>
    where
        E: std::error::Error + aws_smithy_types::error::metadata::ProvideErrorMetadata + 'static,
    {
        move |error| AwsError::new("sqs", operation, &self.url, &error)
    }

    /// Waits up to `wait` (whole seconds, at most 20) for messages, and receives at most `limit` of
    /// them (at most 10).
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn receive(&self, limit: usize, wait: Duration) -> Result<Vec<Received>, AwsError> {
        self.receive_for(limit, wait, None).await
    }

    /// As [`Queue::receive`], but hides the messages for `hidden` instead of the queue's visibility
    /// timeout.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn receive_for(
        &self,
        limit: usize,
        wait: Duration,
        hidden: Option<Duration>,
    ) -> Result<Vec<Received>, AwsError> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(limit.clamp(1, BATCH)).unwrap_or(1))
            .wait_time_seconds(i32::try_from(wait.as_secs()).unwrap_or(20))
            .set_visibility_timeout(hidden.and_then(|hidden| i32::try_from(hidden.as_secs()).ok()))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .customize()
            .config_override(aws_sdk_sqs::Config::builder().timeout_config(timeouts::receive(wait)))
            .send()
            .await
            .map_err(self.error("ReceiveMessage"))?;
        Ok(received
            .messages
            .unwrap_or_default()
            .into_iter()
            .map(|message| Received {
                receives: attribute(
                    &message,
                    &MessageSystemAttributeName::ApproximateReceiveCount,
                )
                .unwrap_or(1),
                sent_at: attribute(&message, &MessageSystemAttributeName::SentTimestamp)
                    .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok()),
                id: message.message_id.unwrap_or_default(),
                receipt: message.receipt_handle.unwrap_or_default(),
                body: message.body.unwrap_or_default(),
            })
            .collect())
    }

    /// Hides a received message for `hidden` from now (whole seconds); zero makes it visible at
    /// once.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails; SQS refuses it when the message is no longer hidden.
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

    /// Deletes a received message.
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

    /// Deletes at most ten received messages by one request, and returns the entries that failed.
    /// The `id` of an entry is its index in `receipts`.
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

    /// How long a received message stays hidden.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn visibility_timeout(&self) -> Result<Duration, AwsError> {
        Ok(self.attributes().await?.visibility_timeout)
    }

    /// How the queue is set, and how many messages it has.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn attributes(&self) -> Result<QueueAttributes, AwsError> {
        let get = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .set_attribute_names(Some(QueueAttributes::NAMES.into()));
        let response = get.send().await.map_err(self.error("GetQueueAttributes"))?;
        Ok(QueueAttributes::parse(
            &response.attributes.unwrap_or_default(),
        ))
    }
}

/// A number among the attributes of a message.
fn attribute<N: std::str::FromStr>(
    message: &Message,
    name: &MessageSystemAttributeName,
) -> Option<N> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}
