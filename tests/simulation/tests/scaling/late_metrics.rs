//! Metrics that are late or missing. AWS makes no promise about their delay.

use tilefleet_simulation::Conditions;
use tilefleet_simulation::rendered::Statistic;

use crate::{assert_sound, deployed, run};

fn late(minutes: u64, cells: u64) -> Conditions {
    Conditions {
        queue_lag: (minutes, minutes),
        max_workers: 100,
        ..Conditions::burst(cells)
    }
}

#[test]
fn metrics_that_are_late_at_random_are_enough() {
    for cells in [1, 100, 10_000] {
        let conditions = Conditions {
            queue_lag: (1, 5),
            ..late(0, cells)
        };
        assert_sound(&run(&deployed(), &conditions), &conditions);
    }
}

#[test]
fn metrics_of_up_to_five_minutes_ago_are_enough() {
    for minutes in 0..=5 {
        for no_zero_inflight in [false, true] {
            for wake in [false, true] {
                for cells in [1, 100, 10_000] {
                    let conditions = Conditions {
                        no_zero_inflight,
                        wake,
                        ..late(minutes, cells)
                    };
                    assert_sound(&run(&deployed(), &conditions), &conditions);
                }
            }
        }
    }
}

#[test]
fn a_filled_queue_hides_work_when_it_is_later_than_the_group() {
    let mut filled = deployed();
    filled.out.period_seconds = 60;
    "CEIL((FILL(visible, 0) + FILL(inflight, 0)) / 20) - desired"
        .clone_into(&mut filled.out.expression);
    let conditions = Conditions {
        wake: false,
        ..late(2, 100)
    };
    assert_eq!(run(&filled, &conditions).drained_at, None);
}

#[test]
fn a_fleet_does_not_sleep_when_it_waits_for_zeros_that_are_not_published() {
    let mut waiting = deployed();
    waiting.into.expression = waiting
        .into
        .expression
        .replace("FILL(inflight, 0)", "inflight");
    let conditions = Conditions {
        no_zero_inflight: true,
        ..late(1, 100)
    };
    assert_eq!(run(&waiting, &conditions).asleep_at, None);
}

#[test]
fn counting_a_cell_as_waiting_and_as_held_orders_too_many() {
    let mut twice = deployed();
    twice.out.statistics.inflight = Statistic::Maximum;
    let conditions = Conditions {
        queue_lag: (0, 0),
        idle_before: false,
        max_workers: 1000,
        cell_seconds: 600.0,
        ..Conditions::burst(1000)
    };
    assert_eq!(run(&deployed(), &conditions).peak, 50);
    assert!(run(&twice, &conditions).peak > 50);
}
