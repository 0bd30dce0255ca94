//! The notices that EC2 and the Auto Scaling group publish in the metadata of an instance.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tilefleet_common::aws::{Metadata, MetadataError};

/// A notice about this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// Spot interrupts the instance (Amazon EC2 User Guide, "Spot Instance interruption notices",
    /// `instance-action`).
    Interrupted {
        /// `terminate`, `stop` or `hibernate`.
        action: String,
        /// Time that is left until then.
        left: Duration,
    },
    /// The group terminates the instance (Amazon EC2 Auto Scaling User Guide, "Retrieve the target
    /// lifecycle state through instance metadata").
    Terminating,
    /// The instance is at a higher risk of interruption ("EC2 instance rebalance recommendations").
    Rebalance,
}

/// The metadata items that hold notices, as they are at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    action: Option<String>,
    target: Option<String>,
    rebalance: Option<String>,
}

/// Reads the items of all notices.
pub(super) async fn read(metadata: &Metadata) -> Result<Snapshot, MetadataError> {
    Ok(Snapshot {
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

/// The last snapshot, so that each notice is acted on once.
#[derive(Debug, Default)]
pub(super) struct NoticeTracker(Snapshot);

impl NoticeTracker {
    /// The notices of `snapshot` that were not in the one before.
    pub(super) fn new_notices(&mut self, snapshot: Snapshot) -> Vec<Notice> {
        let before = std::mem::replace(&mut self.0, snapshot);
        let Snapshot {
            action,
            target,
            rebalance,
        } = &self.0;
        let mut notices = vec![];
        if let Some(text) = action.as_ref().filter(|_| *action != before.action) {
            notices.push(parse_interruption(text));
        }
        if target != &before.target && target.as_deref() == Some("Terminated") {
            notices.push(Notice::Terminating);
        }
        if rebalance.is_some() && *rebalance != before.rebalance {
            notices.push(Notice::Rebalance);
        }
        notices
    }
}

/// Parses `spot/instance-action`. A malformed notice still is one, and leaves no time.
fn parse_interruption(text: &str) -> Notice {
    match serde_json::from_str::<InstanceAction>(text) {
        Ok(InstanceAction { action, time }) => {
            let left = Timestamp::now().duration_until(time);
            Notice::Interrupted {
                action,
                left: left.try_into().unwrap_or(Duration::ZERO),
            }
        }
        Err(error) => {
            tracing::warn!(%error, text, "the interruption notice is malformed");
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

    fn snapshot(action: Option<&str>, target: &str, rebalance: Option<&str>) -> Snapshot {
        Snapshot {
            action: action.map(str::to_owned),
            target: Some(target.to_owned()),
            rebalance: rebalance.map(str::to_owned),
        }
    }

    #[test]
    fn each_notice_is_new_once() {
        let mut tracker = NoticeTracker::default();
        assert_eq!(tracker.new_notices(snapshot(None, "InService", None)), []);
        let recommended = Some(r#"{"noticeTime": "2020-10-27T08:22:00Z"}"#);
        assert_eq!(
            tracker.new_notices(snapshot(None, "InService", recommended)),
            [Notice::Rebalance]
        );
        assert_eq!(
            tracker.new_notices(snapshot(None, "InService", recommended)),
            []
        );
        assert_eq!(
            tracker.new_notices(snapshot(None, "Terminated", recommended)),
            [Notice::Terminating]
        );
        assert_eq!(
            tracker.new_notices(snapshot(None, "Terminated", recommended)),
            []
        );
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
            let Notice::Interrupted { action, left } = parse_interruption(&text) else {
                panic!("{text}")
            };
            assert_eq!(action, wanted);
            assert!(seconds.contains(&left.as_secs()), "{text}: {left:?}");
        }
    }
}
