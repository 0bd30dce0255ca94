//! Explicit-state search of the ledger protocol: every order in which two workers, a submit, a
//! retry, a cancel and a resume can take their steps, and every point at which one of them can die.
//!
//! The steps are those of the fleet itself: `ledger::transition` and `ledger::flow`, carried out by
//! `Write::apply`. What is modelled here is the world around them (`queue`, `table`, `commands`),
//! what workers do (`worker`), what may go wrong (`fleet`), what must always hold (`property`), and
//! that the fleet comes to a good end by itself from every state (`liveness`). `flaw` takes rules
//! out, to show that the search notices it. `story` describes events in words; `replay` plays ten
//! schedules that teach the protocol, the shortest way to learn it.
//!
//! Two cells in one shard are about closing a shard, two in two shards of one group about closing a
//! group, two in two groups about completing a task. All
//! mishaps at once make too many states, so each test allows some of them. The ignored ones take a
//! minute and more: `cargo nextest run --workspace --test ledger_model --run-ignored all`.
//!
//! Left out: the task item that a worker caches for half a minute; retryable failures and cells
//! that are handed back, which are crashes during work for the ledger; time, except that the
//! notice's lease may run out whenever it is held.

mod commands;
mod event;
mod flaw;
mod fleet;
mod liveness;
mod property;
mod queue;
mod replay;
mod state;
mod story;
mod table;
mod worker;

use stateright::{Checker as _, HasDiscoveries, Model as _};

use event::Budget;
use flaw::Flaw;
use fleet::{Fleet, Shape};
use liveness::Graph;

const ONE_SHARD: Shape = Shape {
    shard_size: 2,
    group_size: 1,
};
/// Of one group.
const TWO_SHARDS: Shape = Shape {
    shard_size: 1,
    group_size: 2,
};
/// Of one shard each.
const TWO_GROUPS: Shape = Shape {
    shard_size: 1,
    group_size: 1,
};

const NONE: Budget = Budget {
    crashes: 0,
    expiries: 0,
    submit_crashes: 0,
    retries: 0,
    repairs: 0,
    retry_crashes: 0,
    lost_answers: 0,
    failed_notices: 0,
    cancels: 0,
    resumes: 0,
    resume_crashes: 0,
    lost_groups: 0,
};

/// Searches all states; fails with the shortest story that breaks a property.
fn search(shape: Shape, budget: Budget) {
    search_of(&Fleet::new(shape, budget));
}

/// The same of a fleet that is not as usual.
#[expect(clippy::panic, reason = "this is the assertion of every test below")]
fn search_of(fleet: &Fleet) {
    let checker = fleet
        .clone()
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    for property in fleet
        .properties()
        .iter()
        .filter(|property| property.expectation.discovery_is_failure())
    {
        if let Some(path) = checker.discovery(property.name) {
            panic!(
                "not true: {}\n{}",
                property.name,
                fleet.describe(path.into_actions()).0
            );
        }
    }
    checker.assert_properties();
    if let Some(way) = Graph::of(fleet).way_to_a_stuck_state() {
        panic!("no good end after\n{}", fleet.describe(way).0);
    }
}

/// Whether the search finds that the property is broken.
fn breaks(property: &'static str, fleet: &Fleet) -> bool {
    let only = HasDiscoveries::AnyOf([property].into());
    fleet
        .clone()
        .checker()
        .finish_when(only)
        .spawn_bfs()
        .join()
        .discovery(property)
        .is_some()
}

#[test]
fn a_task_ends_when_nothing_goes_wrong() {
    search(ONE_SHARD, NONE);
    search(TWO_SHARDS, NONE);
    search(TWO_GROUPS, NONE);
}

#[test]
fn workers_may_die_twice_at_any_step() {
    search(ONE_SHARD, Budget { crashes: 2, ..NONE });
    search(TWO_SHARDS, Budget { crashes: 2, ..NONE });
}

#[test]
fn a_worker_may_die_while_another_works_on_with_a_stale_receipt_of_one_shard() {
    search(
        ONE_SHARD,
        Budget {
            crashes: 1,
            expiries: 1,
            ..NONE
        },
    );
}

#[test]
fn a_worker_may_die_while_another_works_on_with_a_stale_receipt_of_two_shards() {
    search(
        TWO_SHARDS,
        Budget {
            crashes: 1,
            expiries: 1,
            ..NONE
        },
    );
}

#[test]
fn submit_and_a_worker_may_die() {
    search(
        ONE_SHARD,
        Budget {
            submit_crashes: 1,
            crashes: 1,
            ..NONE
        },
    );
    search(
        TWO_SHARDS,
        Budget {
            submit_crashes: 1,
            crashes: 1,
            ..NONE
        },
    );
}

#[test]
fn submit_may_die_and_a_message_be_delivered_to_two() {
    search(
        ONE_SHARD,
        Budget {
            submit_crashes: 1,
            expiries: 1,
            ..NONE
        },
    );
}

#[test]
fn answers_may_be_lost_and_the_notice_fail() {
    search(
        ONE_SHARD,
        Budget {
            lost_answers: 1,
            failed_notices: 1,
            ..NONE
        },
    );
    search(
        TWO_SHARDS,
        Budget {
            lost_answers: 1,
            failed_notices: 1,
            ..NONE
        },
    );
}

#[test]
fn a_retry_may_come_at_any_time() {
    search(ONE_SHARD, Budget { retries: 1, ..NONE });
    search(TWO_SHARDS, Budget { retries: 1, ..NONE });
}

#[test]
fn a_worker_may_die_during_a_retry() {
    search(
        ONE_SHARD,
        Budget {
            retries: 1,
            crashes: 1,
            ..NONE
        },
    );
}

#[test]
fn a_retry_may_die_and_be_run_again() {
    search(
        ONE_SHARD,
        Budget {
            retries: 1,
            retry_crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute; the same with one shard runs always"]
fn a_worker_may_die_during_a_retry_of_two_shards() {
    search(
        TWO_SHARDS,
        Budget {
            retries: 1,
            crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute; the same with one shard runs always"]
fn a_retry_of_two_shards_may_die_and_be_run_again() {
    search(
        TWO_SHARDS,
        Budget {
            retries: 1,
            retry_crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute"]
fn a_retry_may_come_while_a_message_is_delivered_to_two() {
    search(
        ONE_SHARD,
        Budget {
            retries: 1,
            expiries: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute"]
fn a_retry_may_come_while_submit_dies() {
    search(
        ONE_SHARD,
        Budget {
            retries: 1,
            submit_crashes: 1,
            ..NONE
        },
    );
}

#[test]
fn a_repair_may_send_everything_again_at_any_time_and_die() {
    search(
        ONE_SHARD,
        Budget {
            repairs: 1,
            retry_crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute; the same with one shard runs always"]
fn a_repair_of_two_shards_may_send_everything_again_at_any_time() {
    search(TWO_SHARDS, Budget { repairs: 1, ..NONE });
}

#[test]
#[ignore = "takes a minute"]
fn a_repair_may_send_everything_again_while_submit_dies() {
    search(
        ONE_SHARD,
        Budget {
            repairs: 1,
            submit_crashes: 1,
            ..NONE
        },
    );
}

#[test]
fn a_task_may_be_cancelled_and_resumed_at_any_time() {
    search(
        ONE_SHARD,
        Budget {
            cancels: 1,
            resumes: 1,
            ..NONE
        },
    );
    search(
        TWO_SHARDS,
        Budget {
            cancels: 1,
            resumes: 1,
            ..NONE
        },
    );
}

#[test]
fn a_running_task_may_be_resumed_at_any_time() {
    search(ONE_SHARD, Budget { resumes: 1, ..NONE });
    search(TWO_SHARDS, Budget { resumes: 1, ..NONE });
}

#[test]
#[ignore = "takes a minute"]
fn a_resume_may_die_and_be_run_again() {
    search(
        ONE_SHARD,
        Budget {
            cancels: 1,
            resumes: 1,
            resume_crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute"]
fn a_worker_may_die_while_the_task_is_cancelled_and_resumed() {
    search(
        ONE_SHARD,
        Budget {
            cancels: 1,
            resumes: 1,
            crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes a minute"]
fn a_resume_makes_up_for_a_submit_that_dies() {
    search(
        ONE_SHARD,
        Budget {
            cancels: 1,
            resumes: 1,
            submit_crashes: 1,
            ..NONE
        },
    );
}

#[test]
fn a_task_may_be_stopped_by_its_limit_and_resumed_and_a_worker_die() {
    let resumed = Budget { resumes: 1, ..NONE };
    let crash = Budget { crashes: 1, ..NONE };
    for budget in [resumed, crash] {
        search_of(&Fleet::new(ONE_SHARD, budget).with_limit(1));
    }
}

#[test]
fn without_the_limit_as_counted_a_resumed_task_is_stopped_again() {
    let budget = Budget { resumes: 1, ..NONE };
    let fleet = Fleet::new(ONE_SHARD, budget).with_limit(1);
    assert!(breaks(
        property::STOPPED_AT_ITS_LIMIT,
        &fleet.with(Flaw::StopBelowLimit)
    ));
}

#[test]
fn the_notice_may_fail_while_its_lease_runs_out() {
    // Cells that a submit sends twice, so that more than one holds the duty.
    search(
        ONE_SHARD,
        Budget {
            failed_notices: 1,
            submit_crashes: 1,
            ..NONE
        },
    );
}

#[test]
#[ignore = "takes minutes; cancelling and retrying run apart always"]
fn a_retry_may_come_while_the_task_is_cancelled_and_resumed() {
    search(
        ONE_SHARD,
        Budget {
            cancels: 1,
            resumes: 1,
            retries: 1,
            ..NONE
        },
    );
}

#[test]
fn without_the_lease_as_claimed_a_notice_goes_out_beside_another() {
    let budget = Budget {
        failed_notices: 1,
        submit_crashes: 1,
        ..NONE
    };
    let fleet = Fleet::new(ONE_SHARD, budget).with(Flaw::ReleaseOfAnyLease);
    assert!(breaks(property::ONE_NOTICE, &fleet));
}

#[test]
fn without_the_count_of_reopenings_a_retry_that_dies_leaves_a_cell_without_a_message() {
    let budget = Budget {
        retries: 1,
        retry_crashes: 1,
        ..NONE
    };
    let fleet = Fleet::new(ONE_SHARD, budget).with(Flaw::EnqueuedThoughReopened);
    let way = Graph::of(&fleet)
        .way_to_a_lost_state()
        .expect("a state without a good end");
    let (story, state) = fleet.describe(way);
    assert!(fleet.has_pending_cells(&state), "{story}");
}

#[test]
fn with_the_task_before_its_recipe_a_submit_that_dies_leaves_cells_that_nobody_can_make() {
    let budget = Budget {
        submit_crashes: 1,
        ..NONE
    };
    let fleet = Fleet::new(ONE_SHARD, budget).with(Flaw::TaskBeforeRecipe);
    let way = Graph::of(&fleet)
        .way_to_a_lost_state()
        .expect("a state without a good end");
    let (story, _) = fleet.describe(way);
    assert!(
        story.contains("DIES") && story.contains("before `create the recipe`"),
        "{story}"
    );
}

#[test]
fn what_is_sent_before_the_task_runs_again_is_dropped() {
    let budget = Budget {
        cancels: 1,
        resumes: 1,
        ..NONE
    };
    let fleet = Fleet::new(ONE_SHARD, budget).with(Flaw::SendBeforeRunning);
    let way = Graph::of(&fleet)
        .way_to_a_lost_state()
        .expect("a state without a good end");
    let (story, state) = fleet.describe(way);
    assert!(fleet.has_pending_cells(&state), "{story}");
}

#[test]
fn without_the_check_in_close_shard_a_task_completes_with_pending_cells() {
    let fleet =
        Fleet::new(ONE_SHARD, Budget { retries: 1, ..NONE }).with(Flaw::CloseShardUnchecked);
    assert!(breaks(property::COMPLETE_MEANS_NOTHING_PENDING, &fleet));
}

#[test]
fn without_the_check_in_close_group_a_task_completes_with_pending_cells() {
    let fleet =
        Fleet::new(ONE_SHARD, Budget { retries: 1, ..NONE }).with(Flaw::CloseGroupUnchecked);
    assert!(breaks(property::COMPLETE_MEANS_NOTHING_PENDING, &fleet));
}

#[test]
fn a_group_whose_item_is_gone_keeps_its_task_from_completing() {
    let budget = Budget {
        lost_groups: 1,
        ..NONE
    };
    let fleet = Fleet::new(TWO_SHARDS, budget);
    assert!(!breaks(property::COMPLETE_MEANS_NOTHING_PENDING, &fleet));
    let fleet = fleet.with(Flaw::GroupNeedNotExist);
    assert!(breaks(property::COMPLETE_MEANS_NOTHING_PENDING, &fleet));
}

#[test]
fn without_the_header_read_again_a_notice_tells_of_cells_that_a_retry_has_reopened() {
    let fleet = Fleet::new(ONE_SHARD, Budget { retries: 1, ..NONE }).with(Flaw::CountNotChecked);
    assert!(breaks(property::NOTICE_COUNTS_ALL, &fleet));
}

#[test]
fn without_continue_as_success_a_cell_stays_pending_for_ever() {
    let budget = Budget {
        crashes: 1,
        expiries: 1,
        ..NONE
    };
    let fleet = Fleet::new(TWO_SHARDS, budget).with(Flaw::RefusedFailureDropped);
    let way = Graph::of(&fleet)
        .way_to_a_lost_state()
        .expect("a state without a good end");
    let (story, state) = fleet.describe(way);
    assert!(fleet.has_pending_cells(&state), "{story}");
}

#[test]
fn without_the_condition_of_close_failed_a_cell_that_is_ok_counts_as_failed() {
    let fleet = Fleet::new(
        ONE_SHARD,
        Budget {
            submit_crashes: 1,
            ..NONE
        },
    )
    .with(Flaw::CloseFailedUnconditional);
    assert!(breaks(property::SETS_AGREE_WITH_ITEMS, &fleet));
}

#[test]
fn without_the_failures_as_read_a_retry_reopens_a_cell_that_is_done() {
    let budget = Budget {
        retries: 1,
        submit_crashes: 1,
        ..NONE
    };
    let fleet = Fleet::new(ONE_SHARD, budget).with(Flaw::RetryOfOtherFailures);
    assert!(breaks(property::DONE_IS_DONE, &fleet));
}

#[test]
fn without_the_epoch_as_read_a_retry_reopens_an_epoch_whose_end_was_told() {
    let fleet = Fleet::new(ONE_SHARD, Budget { retries: 1, ..NONE }).with(Flaw::RetryInAnyEpoch);
    assert!(breaks(property::EPOCHS_END, &fleet));
}

/// Of two cells, the first is outside the area.
const FIRST: u8 = 0b01;

#[test]
fn a_cell_without_a_raster_is_counted_as_its_item_says_though_workers_die() {
    let budget = Budget { crashes: 1, ..NONE };
    search_of(&Fleet::new(ONE_SHARD, budget).with_outside(FIRST));
    search_of(&Fleet::new(TWO_SHARDS, budget).with_outside(FIRST));
}

#[test]
fn a_cell_without_a_raster_may_be_delivered_to_two() {
    let budget = Budget {
        expiries: 1,
        lost_answers: 1,
        ..NONE
    };
    search_of(&Fleet::new(ONE_SHARD, budget).with_outside(FIRST));
}

#[test]
fn a_cell_that_failed_may_end_without_a_raster_after_a_retry() {
    let budget = Budget { retries: 1, ..NONE };
    search_of(&Fleet::new(ONE_SHARD, budget).with_outside(0b11));
}

#[test]
fn without_the_end_in_the_item_a_cell_without_a_raster_counts_as_one_with_a_raster() {
    let budget = Budget { crashes: 1, ..NONE };
    let fleet = Fleet::new(ONE_SHARD, budget)
        .with_outside(FIRST)
        .with(Flaw::EndForgotten);
    assert!(breaks(property::END_AS_ITS_ITEM_SAYS, &fleet));
}
