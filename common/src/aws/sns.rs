//! SNS: the topic of the fleet's events.

use aws_sdk_sns::types::MessageAttributeValue;

use super::error::AwsError;
use crate::domain::Event;

/// The subscriptions of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriptions {
    /// Number of confirmed subscriptions.
    pub confirmed: u64,
    /// Number of subscriptions whose owner has not confirmed them; SNS sends them nothing.
    pub pending: u64,
}

/// The SNS topic of the fleet's events.
#[derive(Debug, Clone)]
pub struct Topic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl Topic {
    /// The topic with this ARN.
    pub fn new(client: aws_sdk_sns::Client, arn: String) -> Self {
        Self { client, arn }
    }

    /// The numbers of confirmed and pending subscriptions.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn subscriptions(&self) -> Result<Subscriptions, AwsError> {
        let get = self.client.get_topic_attributes().topic_arn(&self.arn);
        let response = get
            .send()
            .await
            .map_err(|error| AwsError::new("sns", "GetTopicAttributes", &self.arn, &error))?;
        let number = |name: &str| response.attributes()?.get(name)?.parse().ok();
        Ok(Subscriptions {
            confirmed: number("SubscriptionsConfirmed").unwrap_or(0),
            pending: number("SubscriptionsPending").unwrap_or(0),
        })
    }

    /// Publishes an event as JSON, with the message attributes `event`, `task`, `outcome` and
    /// `event_id`, by which subscriptions can filter (Amazon SNS developer guide, "Message
    /// filtering").
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn publish(&self, event: &Event) -> Result<(), AwsError> {
        // Events have no maps and no floats, so they always have a JSON form.
        let body = serde_json::to_string(event).unwrap_or_default();
        let attribute = |value: &str| {
            MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .ok()
        };
        let mut publish = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(event.subject())
            .message(body);
        let attributes = [
            ("event", event.name()),
            ("task", event.task().as_str()),
            ("outcome", event.outcome()),
            ("event_id", event.event_id()),
        ];
        for (name, value) in attributes {
            if let Some(value) = attribute(value) {
                publish = publish.message_attributes(name, value);
            }
        }
        publish
            .send()
            .await
            .map_err(|error| AwsError::new("sns", "Publish", &self.arn, &error))?;
        Ok(())
    }
}
