//! Interruptions, races and long cells.

use tilefleet_simulation::Conditions;
use tilefleet_simulation::conditions::{Burst, Counting, Protection};

use crate::{assert_sound, deployed, run};

#[test]
fn a_second_burst_while_the_first_drains_is_met() {
    // While it works, in its tail, while it shrinks, and when it has slept for a day.
    for at in [10 * 60, 30 * 60, 45 * 60, 60 * 60, 24 * 3600].map(|at| at + 7) {
        for seed in 0..5 {
            let bursts = vec![Burst { at: 0, cells: 5000 }, Burst { at, cells: 10_000 }];
            let conditions = Conditions {
                bursts,
                max_workers: 100,
                seed,
                ..Conditions::default()
            };
            assert_sound(&run(&deployed(), &conditions), &conditions);
        }
    }
}

#[test]
fn cells_that_come_in_the_second_in_which_the_group_ends_a_worker_are_not_lost() {
    // Protection takes a second, and here the group chooses within it: a race that the worker has
    // to stand.
    let bursts = vec![
        Burst { at: 0, cells: 5000 },
        Burst {
            at: 1800,
            cells: 10_000,
        },
    ];
    let conditions = Conditions {
        bursts,
        max_workers: 100,
        seed: 3,
        ..Conditions::default()
    };
    let outcome = run(&deployed(), &conditions);
    assert!(outcome.drained_at.is_some() && outcome.asleep_at.is_some());
    let at_once = Conditions {
        protection: Protection::After(0),
        ..conditions
    };
    assert_eq!(run(&deployed(), &at_once).busy_removed, 0);
}

#[test]
fn frequent_interruptions_delay_but_lose_nothing() {
    for (interruptions_per_hour, cells, max_workers) in
        [(0.5, 100, 10), (0.5, 10_000, 100), (3.0, 1000, 10)]
    {
        let conditions = Conditions {
            interruptions_per_hour,
            max_workers,
            ..Conditions::burst(cells)
        };
        let outcome = run(&deployed(), &conditions);
        assert_sound(&outcome, &conditions);
        assert!(
            cells == 100 || outcome.interruptions > 10,
            "{}",
            outcome.interruptions
        );
    }
}

#[test]
fn workers_that_hold_cells_for_an_hour_are_kept() {
    for seed in 0..5 {
        let conditions = Conditions {
            cell_seconds: 3600.0,
            seed,
            ..Conditions::burst(200)
        };
        let outcome = run(&deployed(), &conditions);
        assert_sound(&outcome, &conditions);
        // Twenty cells justify a worker, which holds five: their protection is what keeps the
        // others.
        assert!(outcome.busy_unwanted > 0);
    }
}

#[test]
fn steps_that_are_counted_more_harshly_than_documented_do_no_harm() {
    for (cells, max_workers) in [(1, 10), (100, 10), (10_000, 100)] {
        for wake in [true, false] {
            let counting = Counting::Plain;
            let conditions = Conditions {
                counting,
                max_workers,
                wake,
                ..Conditions::burst(cells)
            };
            assert_sound(&run(&deployed(), &conditions), &conditions);
        }
    }
}
