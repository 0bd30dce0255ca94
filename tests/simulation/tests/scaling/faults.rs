//! Plausible mistakes in the expressions and steps. Each one must fail under conditions in which
//! the deployed scaling works.

use tilefleet_simulation::conditions::Protection;
use tilefleet_simulation::{Conditions, Scaling};

use crate::{assert_sound, deployed, run};

/// Without protection, so that only the expressions stand between scale-in and busy workers.
fn exposed(conditions: Conditions) -> Conditions {
    Conditions {
        protection: Protection::Nothing,
        interruptions_per_hour: 0.0,
        ..conditions
    }
}

fn with_in(expression: &str) -> Scaling {
    let mut scaling = deployed();
    expression.clone_into(&mut scaling.into.expression);
    scaling
}

#[test]
fn leaving_out_what_workers_hold_removes_busy_workers() {
    let faulty = with_in("desired - IF(CEIL(visible / 20) > 0, CEIL(visible / 20), 0)");
    let conditions = exposed(Conditions {
        cell_seconds: 2400.0,
        ..Conditions::burst(5)
    });
    assert_sound(&run(&deployed(), &conditions), &conditions);
    let outcome = run(&faulty, &conditions);
    assert!(outcome.busy_removed > 0);
    assert!(outcome.reversals() > 0);
}

#[test]
fn taking_an_unknown_queue_for_an_empty_one_removes_busy_workers() {
    let faulty = with_in("desired - CEIL((FILL(visible, 0) + FILL(inflight, 0)) / 20)");
    let conditions = exposed(Conditions {
        silent_minutes: 20,
        ..Conditions::burst(10_000)
    });
    assert_sound(&run(&deployed(), &conditions), &conditions);
    let outcome = run(&faulty, &conditions);
    assert!(outcome.busy_removed > 0);
    assert!(outcome.reversals() > 0);
}

#[test]
fn taking_an_unknown_size_for_zero_orders_the_fleet_again() {
    let mut faulty = deployed();
    faulty.out.expression = faulty.out.expression.replace("desired", "FILL(desired, 0)");
    let conditions = Conditions {
        group_lag: (6, 6),
        queue_lag: (0, 0),
        idle_before: false,
        max_workers: 1000,
        cell_seconds: 600.0,
        ..Conditions::burst(1000)
    };
    assert!(run(&deployed(), &conditions).peak <= 50);
    assert!(run(&faulty, &conditions).peak > 50);
}

#[test]
fn reacting_to_the_queue_alone_grows_without_end() {
    let mut faulty = deployed();
    "CEIL((visible + inflight) / 20)".clone_into(&mut faulty.out.expression);
    let conditions = Conditions {
        max_workers: 1000,
        cell_seconds: 600.0,
        ..Conditions::burst(1000)
    };
    assert!(run(&deployed(), &conditions).peak <= 50);
    assert!(run(&faulty, &conditions).peak > 100);
}
