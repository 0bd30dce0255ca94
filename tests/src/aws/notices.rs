//! What a stack's topic published, as a subscriber sees it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aws_sdk_sqs::types::Message;
use serde_json::Value;

/// One published message.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Its body.
    pub body: Value,
    /// Its message attributes, those that filter policies select by.
    pub attributes: BTreeMap<String, String>,
}

impl Notice {
    /// The attribute `event`, or nothing.
    pub fn event(&self) -> &str {
        self.attributes.get("event").map_or("", String::as_str)
    }

    /// The attribute `task`, or nothing.
    pub fn task(&self) -> &str {
        self.attributes.get("task").map_or("", String::as_str)
    }

    fn read(message: &Message) -> Result<Self> {
        let text = message.body().context("a notice without a body")?;
        let body = serde_json::from_str(text)
            .with_context(|| format!("a notice that is not JSON: {text}"))?;
        let attributes = message.message_attributes().into_iter().flatten();
        let attributes = attributes
            .map(|(name, value)| {
                (
                    name.clone(),
                    value.string_value().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        Ok(Self { body, attributes })
    }
}

/// The queue that is subscribed to the topic.
#[derive(Debug, Clone)]
pub struct Notices {
    sqs: aws_sdk_sqs::Client,
    queue_url: String,
}

impl Notices {
    /// Reads notices from this queue.
    pub fn new(sqs: aws_sdk_sqs::Client, queue_url: String) -> Self {
        Self { sqs, queue_url }
    }

    /// Waits for the first notice that `wanted` accepts, and drops those before it.
    ///
    /// # Errors
    ///
    /// When none came within `bound`; the message lists the notices that came instead.
    pub async fn first(&self, bound: Duration, wanted: impl Fn(&Notice) -> bool) -> Result<Notice> {
        let end = Instant::now() + bound;
        let mut others = Vec::new();
        while Instant::now() < end {
            for notice in self.receive(5).await? {
                if wanted(&notice) {
                    return Ok(notice);
                }
                others.push(notice.body.to_string());
            }
        }
        bail!(
            "no such notice within {} s, only: [{}]",
            bound.as_secs(),
            others.join(", ")
        )
    }

    /// Every notice that is in the queue now, without waiting.
    ///
    /// # Errors
    ///
    /// When the queue cannot be read.
    pub async fn drain(&self) -> Result<Vec<Notice>> {
        let mut all = Vec::new();
        loop {
            let some = self.receive(0).await?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some);
        }
    }

    async fn receive(&self, wait_s: i32) -> Result<Vec<Notice>> {
        let received = self
            .sqs
            .receive_message()
            .queue_url(&self.queue_url)
            // One at a time, so that what `first` has not looked at stays in the queue.
            .max_number_of_messages(1)
            .message_attribute_names("All")
            .wait_time_seconds(wait_s)
            .send()
            .await
            .context("cannot receive notices")?;
        let mut notices = Vec::new();
        for message in received.messages() {
            notices.push(Notice::read(message)?);
            let handle = message
                .receipt_handle()
                .context("a notice without a receipt handle")?;
            self.sqs
                .delete_message()
                .queue_url(&self.queue_url)
                .receipt_handle(handle)
                .send()
                .await
                .context("cannot delete a notice")?;
        }
        Ok(notices)
    }
}
