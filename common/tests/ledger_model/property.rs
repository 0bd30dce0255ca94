//! What must hold in every state.

use stateright::Property;
use tilefleet_common::domain::ordinals_of_shard;
use tilefleet_common::ledger::TaskState;

use crate::event::Budget;
use crate::fleet::Fleet;
use crate::state::State;
use crate::table::{Cells, ShardView};

pub(crate) const COMPLETE_MEANS_NOTHING_PENDING: &str =
    "a complete task has all its shards and no pending cell";
const SETS_ARE_SOUND: &str = "a cell is pending, failed or neither, and in its own shard only";
const CLOSED_MEANS_OK: &str = "a cell that is neither pending nor failed has an item that says ok";
pub(crate) const DONE_IS_DONE: &str = "a cell that was closed as ok is not pending again";
pub(crate) const END_AS_ITS_ITEM_SAYS: &str =
    "a cell is counted as one without a raster exactly when its item says so";
const OK_WINS: &str = "an item that says ok says so for ever";
const NOTICE_OF_COMPLETE_EPOCH: &str =
    "a notice goes out only for an epoch in which the task was complete";
pub(crate) const NOTICE_COUNTS_ALL: &str = "a notice counts each cell as ok or failed";
const NOTIFIED_MEANS_PUBLISHED: &str = "an epoch that is marked as notified has its notice out";
/// The bits of epochs in the history.
const EPOCHS: u8 = 0b1_1111;
pub(crate) const STOPPED_AT_ITS_LIMIT: &str = "a task is stopped only when its limit is reached";
pub(crate) const ONE_NOTICE: &str =
    "an epoch has one notice, unless its sender died or lost its lease";
pub(crate) const EPOCHS_END: &str = "a task that was complete in an epoch does not run in it again";
pub(crate) const SETS_AGREE_WITH_ITEMS: &str = "sets agree with items when all is done";

/// The properties, and that what the budget provokes does happen: a search that never gets there
/// proves nothing.
pub(crate) fn all(budget: Budget, has_limit: bool) -> Vec<Property<Fleet>> {
    let mut all: Vec<Property<Fleet>> = vec![
        Property::always(
            COMPLETE_MEANS_NOTHING_PENDING,
            complete_means_nothing_pending,
        ),
        Property::always(SETS_ARE_SOUND, sets_are_sound),
        Property::always(CLOSED_MEANS_OK, closed_means_ok),
        Property::always(END_AS_ITS_ITEM_SAYS, end_as_its_item_says),
        Property::always(DONE_IS_DONE, |fleet: &Fleet, state: &State| {
            let pending: Cells = shards(fleet, state)
                .filter_map(|(_, shard)| Some(shard?.pending))
                .sum();
            state.history.done & pending == 0
        }),
        Property::always(OK_WINS, |fleet: &Fleet, state: &State| {
            state.history.ok & !fleet.table().view(&state.items).ok_cells == 0
        }),
        Property::always(NOTICE_OF_COMPLETE_EPOCH, |_, state: &State| {
            state.history.published & EPOCHS & !state.history.completed == 0
        }),
        Property::always(STOPPED_AT_ITS_LIMIT, |fleet: &Fleet, state: &State| {
            let task = fleet.table().view(&state.items).task;
            let limit = fleet.new_task().max_failed.unwrap_or(0);
            task.is_none_or(|task| !task.stopped || task.failures >= limit)
        }),
        Property::always(NOTICE_COUNTS_ALL, |_, state: &State| {
            !state.history.miscounted
        }),
        Property::always(NOTIFIED_MEANS_PUBLISHED, |fleet: &Fleet, state: &State| {
            let notified = fleet
                .table()
                .view(&state.items)
                .task
                .map_or(0, |task| task.notified_epoch);
            notified == 0 || state.history.published >> notified & 1 == 1
        }),
        Property::always(ONE_NOTICE, |_, state: &State| {
            state.history.repeated & !state.history.disturbed == 0
        }),
        Property::always(EPOCHS_END, |fleet: &Fleet, state: &State| {
            let running = fleet
                .table()
                .view(&state.items)
                .task
                .filter(|task| task.state == TaskState::Running);
            running.is_none_or(|task| state.history.completed >> task.epoch & 1 == 0)
        }),
        Property::always(SETS_AGREE_WITH_ITEMS, sets_agree_with_items),
        Property::sometimes(
            "a task ends well with a failed cell",
            |fleet: &Fleet, state: &State| {
                fleet.is_at_rest(state) && fleet.table().view(&state.items).failed_cells != 0
            },
        ),
    ];
    if budget.retries > 0 {
        all.push(Property::sometimes(
            "a retried task ends well with all cells ok",
            |fleet: &Fleet, state: &State| {
                let view = fleet.table().view(&state.items);
                fleet.is_at_rest(state)
                    && view.task.is_some_and(|task| task.epoch > 1)
                    && view.failed_cells == 0
            },
        ));
    }
    if has_limit {
        all.push(Property::sometimes(
            "a stopped task has its notice out",
            |fleet: &Fleet, state: &State| {
                let task = fleet.table().view(&state.items).task;
                fleet.is_at_rest(state) && task.is_some_and(|task| task.stopped)
            },
        ));
    }
    if budget.cancels > 0 && budget.resumes > 0 {
        all.push(Property::sometimes(
            "a task that was cancelled and resumed ends well",
            |fleet: &Fleet, state: &State| {
                let task = fleet.table().view(&state.items).task;
                fleet.is_at_rest(state)
                    && task.is_some_and(|task| task.state == TaskState::Complete)
                    && state.has_been_cancelled()
            },
        ));
    }
    if budget.crashes > 0 {
        all.push(Property::sometimes(
            "a notice goes out twice",
            |_, state: &State| state.history.repeated != 0,
        ));
    }
    all
}

fn ordinals(fleet: &Fleet, shard: u32) -> Cells {
    let new = fleet.new_task();
    ordinals_of_shard(shard, new.cells, new.shard_size)
        .map(|ordinal| 1 << ordinal)
        .sum()
}

fn shards(fleet: &Fleet, state: &State) -> impl Iterator<Item = (Cells, Option<ShardView>)> {
    let shards = fleet.table().view(&state.items).shards;
    let all = (0..)
        .zip(shards)
        .map(|(number, shard)| (ordinals(fleet, number), shard));
    all.filter(|(ordinals, _)| *ordinals != 0)
        .collect::<Vec<_>>()
        .into_iter()
}

fn complete_means_nothing_pending(fleet: &Fleet, state: &State) -> bool {
    let task = fleet.table().view(&state.items).task;
    task.is_none_or(|task| task.state != TaskState::Complete)
        || shards(fleet, state).all(|(_, shard)| shard.is_some_and(|shard| shard.pending == 0))
}

fn sets_are_sound(fleet: &Fleet, state: &State) -> bool {
    shards(fleet, state).all(|(ordinals, shard)| {
        shard.is_none_or(|shard| {
            shard.pending & shard.failed == 0 && (shard.pending | shard.failed) & !ordinals == 0
        })
    })
}

fn closed_means_ok(fleet: &Fleet, state: &State) -> bool {
    let ok = fleet.table().view(&state.items).ok_cells;
    shards(fleet, state).all(|(ordinals, shard)| {
        shard.is_none_or(|shard| ordinals & !shard.pending & !shard.failed & !ok == 0)
    })
}

fn end_as_its_item_says(fleet: &Fleet, state: &State) -> bool {
    let outside = fleet.table().view(&state.items).outside_cells;
    shards(fleet, state).all(|(ordinals, shard)| {
        shard.is_none_or(|shard| {
            let closed = ordinals & !shard.pending & !shard.failed;
            shard.outside_area == closed & outside
        })
    })
}

fn sets_agree_with_items(fleet: &Fleet, state: &State) -> bool {
    let view = fleet.table().view(&state.items);
    let failed: Cells = shards(fleet, state)
        .map(|(_, shard)| shard.map_or(0, |shard| shard.failed))
        .sum();
    // One case remains that redelivery cannot repair: a success that no message carries from the
    // item to the shard. The next retry closes the cell without doing the work again.
    !state.is_idle() || failed & view.ok_cells == 0 || state.history.untold
}
