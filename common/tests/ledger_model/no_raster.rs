//! Cells that end well without a raster, under the mishaps that can part item and sets.

use crate::event::Budget;
use crate::flaw::Flaw;
use crate::fleet::Fleet;
use crate::{NONE, ONE_SHARD, TWO_SHARDS, breaks, property, search_of};

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
