//! What EC2 and the group announce of a machine, in its metadata.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tilefleet_common::aws::{Metadata, MetadataError};

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// Spot takes the machine (Amazon EC2 User Guide, "Spot Instance interruption notices",
    /// `instance-action`).
    Interrupted {
        /// `terminate`, `stop` or `hibernate`.
        action: String,
        /// Time until then.
        left: Duration,
    },
    /// The group ends the machine (Amazon EC2 Auto Scaling User Guide, "Retrieve the target
    /// lifecycle state through instance metadata").
    Terminating,
    /// The machine is more likely than others to be interrupted ("EC2 instance rebalance
    /// recommendations").
    Rebalance,
}

/// The metadata as they are at a moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    action: Option<String>,
    target: Option<String>,
    rebalance: Option<String>,
}

/// Reads all notices.
pub(super) async fn look(metadata: &Metadata) -> Result<Told, MetadataError> {
    Ok(Told {
        action: metadata.read("spot/instance-action").await?,
        target: metadata.read("autoscaling/target-lifecycle-state").await?,
        rebalance: metadata.read("events/recommendations/rebalance").await?,
    })
}

#[derive(Deserialize)]
struct InstanceAction {
    action: String,
    time: Timestamp,
}

/// What has been seen, so that each notice is heeded once.
#[derive(Debug, Default)]
pub(super) struct Seen(Told);

impl Seen {
    /// The notices that were not there before.
    pub(super) fn news(&mut self, told: Told) -> Vec<Notice> {
        let before = std::mem::replace(&mut self.0, told);
        let Told {
            action,
            target,
            rebalance,
        } = &self.0;
        let mut news = vec![];
        if let Some(text) = action.as_ref().filter(|_| *action != before.action) {
            news.push(interrupted(text));
        }
        if target != &before.target && target.as_deref() == Some("Terminated") {
            news.push(Notice::Terminating);
        }
        if rebalance.is_some() && *rebalance != before.rebalance {
            news.push(Notice::Rebalance);
        }
        news
    }
}

/// A notice that cannot be read is one nevertheless, and leaves no time.
fn interrupted(text: &str) -> Notice {
    match serde_json::from_str::<InstanceAction>(text) {
        Ok(InstanceAction { action, time }) => {
            let left = Timestamp::now().duration_until(time);
            Notice::Interrupted {
                action,
                left: left.try_into().unwrap_or(Duration::ZERO),
            }
        }
        Err(error) => {
            tracing::warn!(%error, text, "the interruption notice cannot be read");
            Notice::Interrupted {
                action: "unknown".to_owned(),
                left: Duration::ZERO,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(action: Option<&str>, target: &str, rebalance: Option<&str>) -> Told {
        Told {
            action: action.map(str::to_owned),
            target: Some(target.to_owned()),
            rebalance: rebalance.map(str::to_owned),
        }
    }

    #[test]
    fn each_notice_is_news_once() {
        let mut seen = Seen::default();
        assert_eq!(seen.news(told(None, "InService", None)), []);
        let recommended = Some(r#"{"noticeTime": "2020-10-27T08:22:00Z"}"#);
        assert_eq!(
            seen.news(told(None, "InService", recommended)),
            [Notice::Rebalance]
        );
        assert_eq!(seen.news(told(None, "InService", recommended)), []);
        assert_eq!(
            seen.news(told(None, "Terminated", recommended)),
            [Notice::Terminating]
        );
        assert_eq!(seen.news(told(None, "Terminated", recommended)), []);
    }

    #[test]
    fn an_interruption_leaves_the_time_until_it_or_none() {
        let soon = Timestamp::now() + Duration::from_mins(2);
        let cases = [
            (
                format!(r#"{{"action": "terminate", "time": "{soon:.0}"}}"#),
                "terminate",
                110..=120,
            ),
            (
                r#"{"action": "stop", "time": "2017-09-18T08:22:00Z"}"#.to_owned(),
                "stop",
                0..=0,
            ),
            ("<html>".to_owned(), "unknown", 0..=0),
        ];
        for (text, wanted, seconds) in cases {
            let Notice::Interrupted { action, left } = interrupted(&text) else {
                panic!("{text}")
            };
            assert_eq!(action, wanted);
            assert!(seconds.contains(&left.as_secs()), "{text}: {left:?}");
        }
    }
}
