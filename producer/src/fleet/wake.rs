//! Waking a fleet that sleeps, once its cells are in the queue.
//!
//! The scaling alarms wake it as well, but they notice cells late. So a failure here does not fail
//! a submit.

use tilefleet_common::aws::{GroupError, Wake};

use super::connection::FleetConnection;
use crate::cli::note;

/// Starts workers for a task of `cells` cells if the group is known and has none, and notes it on
/// stderr.
pub(crate) async fn wake(fleet: &FleetConnection, cells: u32) {
    let Some(group) = &fleet.group else { return };
    let woken = group.wake(cells, fleet.cells_per_worker).await;
    if let Some(text) = describe(group.name(), &woken) {
        note(&text);
    }
}

fn describe(group: &str, woken: &Result<Wake, GroupError>) -> Option<String> {
    match woken {
        Ok(Wake::Awake) => None,
        Ok(Wake::Ordered(1)) => Some(format!("group {group} was asleep: 1 worker ordered")),
        Ok(Wake::Ordered(workers)) => Some(format!(
            "group {group} was asleep: {workers} workers ordered"
        )),
        Ok(Wake::Stopped) => Some(format!(
            "warning: group {group} is stopped, so the cells stay in the queue; `producer fleet start` starts it"
        )),
        Ok(Wake::Closed) => Some(format!(
            "warning: group {group} can have no workers at all, so the cells stay in the queue; raise max_workers in \
             terraform"
        )),
        Err(error) => Some(format!(
            "warning: the fleet was not woken: {error}; the task is submitted, and the scaling alarms start workers \
             within about 15 minutes"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_noted_unless_the_group_was_awake() {
        let described = |woken| describe("t-workers", &woken);
        assert_eq!(described(Ok(Wake::Awake)), None);
        assert_eq!(
            described(Ok(Wake::Ordered(1))).unwrap(),
            "group t-workers was asleep: 1 worker ordered"
        );
        assert_eq!(
            described(Ok(Wake::Ordered(3))).unwrap(),
            "group t-workers was asleep: 3 workers ordered"
        );
        assert_eq!(
            described(Ok(Wake::Stopped)).unwrap(),
            "warning: group t-workers is stopped, so the cells stay in the queue; `producer fleet start` starts it"
        );
        assert_eq!(
            described(Ok(Wake::Closed)).unwrap(),
            "warning: group t-workers can have no workers at all, so the cells stay in the queue; raise max_workers in \
             terraform"
        );
        assert_eq!(
            described(Err(GroupError::NotFound {
                name: "t-workers".into()
            }))
            .unwrap(),
            "warning: the fleet was not woken: autoscaling group t-workers does not exist; check --autoscaling-group \
             (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION; the task is submitted, and the scaling alarms start workers \
             within about 15 minutes"
        );
    }
}
