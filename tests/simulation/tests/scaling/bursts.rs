//! One burst, from sleep to sleep.

use tilefleet_simulation::Conditions;

use crate::{assert_sound, deployed, run};

fn burst(cells: u64, max_workers: usize, seed: u64) -> Conditions {
    Conditions {
        max_workers,
        seed,
        ..Conditions::burst(cells)
    }
}

#[test]
fn one_cell_wakes_one_worker() {
    for seed in 0..20 {
        let conditions = burst(1, 10, seed);
        let outcome = run(&deployed(), &conditions);
        assert_sound(&outcome, &conditions);
        assert_eq!(outcome.peak, 1);
    }
}

#[test]
fn a_hundred_cells_drain_and_the_fleet_sleeps() {
    for seed in 0..20 {
        let conditions = burst(100, 10, seed);
        let outcome = run(&deployed(), &conditions);
        assert_sound(&outcome, &conditions);
        assert_eq!(outcome.peak, 5);
    }
}

#[test]
fn ten_thousand_cells_drain_and_the_fleet_sleeps() {
    for (seed, max_workers) in [(1, 10), (2, 100), (3, 1000)] {
        let conditions = burst(10_000, max_workers, seed);
        assert_sound(&run(&deployed(), &conditions), &conditions);
    }
}

#[test]
fn a_million_cells_drain_and_the_fleet_sleeps() {
    let conditions = burst(1_000_000, 1000, 1);
    let outcome = run(&deployed(), &conditions);
    assert_sound(&outcome, &conditions);
    assert_eq!(outcome.peak, 1000);
    assert!(
        outcome.idle_percent() < 20.0,
        "{} %",
        outcome.idle_percent()
    );
}

#[test]
fn a_fleet_that_nobody_wakes_wakes_itself() {
    for (cells, max_workers) in [(1, 10), (100, 10), (10_000, 100)] {
        let conditions = Conditions {
            wake: false,
            ..burst(cells, max_workers, 1)
        };
        assert_sound(&run(&deployed(), &conditions), &conditions);
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let conditions = burst(2000, 50, 7);
    let (first, second) = (run(&deployed(), &conditions), run(&deployed(), &conditions));
    assert_eq!(
        (first.drained_at, first.paid_seconds),
        (second.drained_at, second.paid_seconds)
    );
}
