//! The deployed scaling works, and the simulation notices scaling that does not.

#![expect(clippy::unwrap_used, reason = "a test that cannot simulate has failed")]

mod bursts;
mod deployed;
mod fair_queue;
mod faults;
mod hazards;
mod late_metrics;

use tilefleet_simulation::{Conditions, Outcome, Scaling, simulate};

/// What is deployed.
fn deployed() -> Scaling {
    Scaling::committed().unwrap()
}

fn run(scaling: &Scaling, conditions: &Conditions) -> Outcome {
    simulate(scaling, conditions).unwrap()
}

/// What must hold for every fleet under all conditions.
fn assert_sound(outcome: &Outcome, conditions: &Conditions) {
    let story = format!("{conditions:?}: {:?}", outcome.changes);
    assert_eq!(
        outcome.cells,
        conditions
            .bursts
            .iter()
            .map(|burst| burst.cells)
            .sum::<u64>(),
        "{story}"
    );
    assert!(outcome.drained_at.is_some(), "not drained: {story}");
    assert!(outcome.asleep_at.is_some(), "not asleep: {story}");
    assert_eq!(outcome.busy_removed, 0, "busy workers removed: {story}");
    assert_eq!(
        outcome.reversals(),
        0,
        "grew again without new work: {story}"
    );
    assert!(
        outcome.peak <= conditions.max_workers,
        "{} workers: {story}",
        outcome.peak
    );
}
