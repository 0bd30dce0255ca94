//! A small task behind a large one.

use tilefleet_simulation::Conditions;
use tilefleet_simulation::conditions::{Burst, Delivery};

use crate::{assert_sound, deployed, run};

/// Seconds from the first send of ten cells, `later` seconds behind 4,000 others, to the end of the
/// ten and to the end of the 4,000.
fn ends_of_ten_behind_four_thousand(delivery: Delivery, later: u64, seed: u64) -> (u64, u64) {
    let bursts = vec![
        Burst {
            at: 0,
            cells: 4_000,
        },
        Burst {
            at: later,
            cells: 10,
        },
    ];
    let conditions = Conditions {
        bursts,
        delivery,
        seed,
        ..Conditions::default()
    };
    let outcome = run(&deployed(), &conditions);
    assert_sound(&outcome, &conditions);
    let end = |task: usize| outcome.ends[task].unwrap() - later;
    (end(1), end(0))
}

#[test]
fn ten_cells_behind_four_thousand_finish_early_if_messages_carry_their_task() {
    for seed in 0..10 {
        let (ten, all) = ends_of_ten_behind_four_thousand(Delivery::Fair, 240, seed);
        assert!(ten < 600 && ten < all / 8, "{ten} s of {all} s");
    }
}

#[test]
fn ten_cells_behind_four_thousand_finish_with_them_if_messages_do_not() {
    for seed in 0..10 {
        let (ten, all) = ends_of_ten_behind_four_thousand(Delivery::OldestFirst, 240, seed);
        assert!(ten > all * 9 / 10, "{ten} s of {all} s");
    }
}

/// SQS documents that a task which sends nothing for five minutes is not noisy. So no more can be
/// promised to a task that is submitted later.
#[test]
fn nothing_is_promised_once_the_large_task_has_sent_nothing_for_five_minutes() {
    let (ten, all) = ends_of_ten_behind_four_thousand(Delivery::Fair, 600, 1);
    assert!(ten > all * 9 / 10, "{ten} s of {all} s");
}

/// Nor in a small fleet, which never has 30 cells of a task in flight.
#[test]
fn nothing_is_promised_to_a_fleet_with_few_cells_in_flight() {
    let conditions = Conditions {
        bursts: vec![
            Burst {
                at: 0,
                cells: 1_000,
            },
            Burst { at: 240, cells: 10 },
        ],
        max_workers: 5,
        ..Conditions::default()
    };
    let outcome = run(&deployed(), &conditions);
    let (ten, all) = (outcome.ends[1].unwrap(), outcome.ends[0].unwrap());
    assert!(ten > all * 9 / 10, "{ten} s of {all} s");
}
