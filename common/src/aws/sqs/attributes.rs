//! How a queue is set, and how many messages it has.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;

/// How a queue is set, and how many messages it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAttributes {
    /// How long a received message stays hidden.
    pub visibility_timeout: Duration,
    /// How long a receive waits for a message.
    pub receive_wait: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// Where SQS moves a message that was received too often.
    pub redrive: Option<Redrive>,
    /// Approximate number of messages that wait.
    pub waiting: u64,
    /// Approximate number of messages that are hidden: received, or sent with a delay.
    pub hidden: u64,
}

/// Where SQS moves a message that was received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// ARN of the dead-letter queue.
    pub target_arn: String,
    /// The number of receives before the move.
    pub max_receives: u32,
}

impl QueueAttributes {
    /// The attributes to request.
    pub(super) const NAMES: [QueueAttributeName; 7] = [
        QueueAttributeName::VisibilityTimeout,
        QueueAttributeName::ReceiveMessageWaitTimeSeconds,
        QueueAttributeName::MessageRetentionPeriod,
        QueueAttributeName::RedrivePolicy,
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];

    /// Reads the attributes of a response. A missing one has the default of SQS (Amazon SQS API
    /// reference, `SetQueueAttributes`).
    pub(super) fn parse(attributes: &HashMap<QueueAttributeName, String>) -> Self {
        let number = |name, default| {
            attributes
                .get(&name)
                .and_then(|text| text.parse().ok())
                .unwrap_or(default)
        };
        let seconds = |name, default| Duration::from_secs(number(name, default));
        Self {
            visibility_timeout: seconds(QueueAttributeName::VisibilityTimeout, 30),
            receive_wait: seconds(QueueAttributeName::ReceiveMessageWaitTimeSeconds, 0),
            retention: seconds(QueueAttributeName::MessageRetentionPeriod, 345_600),
            redrive: attributes
                .get(&QueueAttributeName::RedrivePolicy)
                .and_then(|policy| Redrive::parse(policy)),
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages, 0),
            hidden: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, 0)
                + number(QueueAttributeName::ApproximateNumberOfMessagesDelayed, 0),
        }
    }
}

impl Redrive {
    fn parse(policy: &str) -> Option<Self> {
        let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
        // The console writes the count as a number, older tools as a string.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_attributes_have_the_defaults_of_sqs() {
        let bare = QueueAttributes::parse(&HashMap::new());
        assert_eq!(
            (bare.visibility_timeout, bare.redrive),
            (Duration::from_secs(30), None)
        );
    }

    #[test]
    fn the_count_of_a_redrive_policy_is_a_number_or_a_string() {
        for count in ["10", "\"10\""] {
            let policy =
                format!(r#"{{"deadLetterTargetArn":"arn:dead","maxReceiveCount":{count}}}"#);
            let attributes = HashMap::from([
                (QueueAttributeName::VisibilityTimeout, "120".to_owned()),
                (QueueAttributeName::RedrivePolicy, policy),
            ]);
            let parsed = QueueAttributes::parse(&attributes);
            assert_eq!(parsed.visibility_timeout, Duration::from_mins(2));
            assert_eq!(
                parsed.redrive,
                Some(Redrive {
                    target_arn: "arn:dead".into(),
                    max_receives: 10
                })
            );
        }
    }
}
