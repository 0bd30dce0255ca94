//! Waking a fleet that sleeps, once its cells are in the queue.
//!
//! The scaling alarms do so as well, but see an idle queue late. So nothing here is reason for a
//! submit to fail.

use tilefleet_common::aws::{GroupError, Wake};

use crate::cli::note;
use crate::fleet::FleetConnection;

/// Orders workers for a task of `cells` cells if the group is known and has none, and tells of it
/// on stderr.
pub(crate) async fn run(fleet: &FleetConnection, cells: u32) {
    let Some(group) = &fleet.group else { return };
    let woken = group.wake(cells, fleet.cells_per_worker).await;
    if let Some(words) = words(group.name(), &woken) {
        note(&words);
    }
}

fn words(group: &str, woken: &Result<Wake, GroupError>) -> Option<String> {
    match woken {
        Ok(Wake::Awake) => None,
        Ok(Wake::Ordered(1)) => Some(format!("group {group} was asleep: 1 worker ordered")),
        Ok(Wake::Ordered(workers)) => Some(format!(
            "group {group} was asleep: {workers} workers ordered"
        )),
        Ok(Wake::Closed) => Some(format!(
            "warning: group {group} may have no workers at all, so the cells stay in the queue; raise max_workers in \
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
    fn what_became_of_waking_is_told_unless_nobody_slept() {
        let told = |woken| words("t-workers", &woken);
        assert_eq!(told(Ok(Wake::Awake)), None);
        assert_eq!(
            told(Ok(Wake::Ordered(1))).unwrap(),
            "group t-workers was asleep: 1 worker ordered"
        );
        assert_eq!(
            told(Ok(Wake::Ordered(3))).unwrap(),
            "group t-workers was asleep: 3 workers ordered"
        );
        assert_eq!(
            told(Ok(Wake::Closed)).unwrap(),
            "warning: group t-workers may have no workers at all, so the cells stay in the queue; raise max_workers in \
             terraform"
        );
        assert_eq!(
            told(Err(GroupError::NotFound {
                name: "t-workers".into()
            }))
            .unwrap(),
            "warning: the fleet was not woken: autoscaling group t-workers does not exist; check --autoscaling-group \
             (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION; the task is submitted, and the scaling alarms start workers \
             within about 15 minutes"
        );
    }
}
