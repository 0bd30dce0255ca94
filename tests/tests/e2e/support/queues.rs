//! The contents of a queue: counting and taking messages.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use tilefleet_common::domain::TaskId;

use crate::support::site::Site;

pub(crate) async fn attribute(site: &Site, url: &str, name: QueueAttributeName) -> Result<u32> {
    let attributes = site
        .stack
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(name.clone())
        .send()
        .await?;
    Ok(attributes.attributes.context("no attributes")?[&name].parse()?)
}

/// The number of messages, hidden and delayed ones included.
pub(crate) async fn left(site: &Site, url: &str) -> Result<u32> {
    let waiting = attribute(site, url, QueueAttributeName::ApproximateNumberOfMessages).await?;
    let hidden = attribute(
        site,
        url,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    )
    .await?;
    let delayed = attribute(
        site,
        url,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    )
    .await?;
    Ok(waiting + hidden + delayed)
}

/// Takes all messages out of the queue of cells, as a purge does.
pub(crate) async fn purge(site: &Site) -> Result<()> {
    taken(site).await.map(|_| ())
}

/// Takes all messages out of the queue of cells and returns their bodies.
pub(crate) async fn taken(site: &Site) -> Result<Vec<String>> {
    let mut bodies = vec![];
    loop {
        let receive = site
            .stack
            .sqs
            .receive_message()
            .queue_url(&site.stack.queue_url);
        let received = receive
            .max_number_of_messages(10)
            .wait_time_seconds(0)
            .send()
            .await?;
        if received.messages().is_empty() {
            return Ok(bodies);
        }
        for message in received.messages() {
            bodies.push(message.body().context("no body")?.to_owned());
            let delete = site
                .stack
                .sqs
                .delete_message()
                .queue_url(&site.stack.queue_url);
            delete
                .receipt_handle(message.receipt_handle().context("no receipt")?)
                .send()
                .await?;
        }
    }
}

/// Makes dead letters of all messages, as if workers had handed them back too often. `change` is
/// applied to each body.
pub(crate) async fn give_up(site: &Site, change: impl Fn(&mut Value)) -> Result<()> {
    for body in taken(site).await? {
        let mut body: Value = serde_json::from_str(&body)?;
        change(&mut body);
        let send = site.stack.sqs.send_message().message_body(body.to_string());
        send.queue_url(&site.stack.dead_letter_queue_url)
            .send()
            .await?;
    }
    Ok(())
}

/// Makes dead letters of the task's messages. Those of other tasks stay in the queue.
pub(crate) async fn give_up_task(site: &Site, task: &str) -> Result<()> {
    for body in taken(site).await? {
        let message: Value = serde_json::from_str(&body)?;
        let queue = if message["task"] == task {
            &site.stack.dead_letter_queue_url
        } else {
            &site.stack.queue_url
        };
        let send = site.stack.sqs.send_message().queue_url(queue);
        send.message_body(body).send().await?;
    }
    Ok(())
}

/// How often each ordinal of the task is in the queue. Takes all messages out.
pub(crate) async fn queued(site: &Site, task: &TaskId) -> Result<BTreeMap<u64, u32>> {
    let mut queued = BTreeMap::new();
    for body in taken(site).await? {
        let body: Value = serde_json::from_str(&body)?;
        if body["task"] == task.as_str() {
            *queued
                .entry(body["ordinal"].as_u64().context("no ordinal")?)
                .or_default() += 1;
        }
    }
    Ok(queued)
}
