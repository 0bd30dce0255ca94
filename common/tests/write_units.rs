//! What the writes of a task's life cost, by DynamoDB's rules of size, and that a cell of a large
//! task costs what one of a small task does.
//!
//! The items are those of the ledger's meaning in memory. Rules: "DynamoDB item sizes and formats"
//! and "DynamoDB read and write operations" (Amazon DynamoDB developer guide).
#![expect(
    clippy::unwrap_used,
    reason = "a write that is refused ends the test, as it should"
)]

use std::collections::BTreeMap;

use tilefleet_common::deployment::{TASK_INDEX_ATTRIBUTES, TASK_INDEX_SORT_KEY};
use tilefleet_common::domain::{
    Artefact, GROUP_SIZE, Job, Recipe, Role, SHARD_SIZE, Scope, TaskId, ordinals_of_shard,
};
use tilefleet_common::ledger::transition::{self, NewTask, Notice, Success, Ticket};
use tilefleet_common::ledger::{Item, Key, Part, TaskRecord, Transaction, Value, Write};

const NOW: &str = "2026-11-26T13:54:10.000Z";
/// Bytes of one write unit.
const UNIT: usize = 1024;
/// The most bytes of an item.
const LARGEST: usize = 400 * 1024;

/// The table in memory, and what was paid for writes to it.
#[derive(Default)]
struct Table {
    items: BTreeMap<Key, Item>,
    units: usize,
    /// Bytes of the largest item that there ever was.
    largest: usize,
}

impl Table {
    fn write(&mut self, write: &Write, factor: usize) {
        let before = self.items.get(&write.key);
        let after = write.apply(before).unwrap();
        let bytes = before.map_or(0, |item| size(&write.key, item));
        let bytes = bytes.max(size(&write.key, &after));
        self.largest = self.largest.max(bytes);
        self.units += factor * bytes.div_ceil(UNIT);
        // An item of the index is written when an attribute of it changes.
        let shown = |item: Option<&Item>| {
            let names = TASK_INDEX_ATTRIBUTES.iter().chain([&TASK_INDEX_SORT_KEY]);
            let shown = names.map(|name| item.and_then(|item| item.get(name)).cloned());
            shown.collect::<Vec<_>>()
        };
        if matches!(write.key, Key::Header(_)) && shown(before) != shown(Some(&after)) {
            self.units += 1;
        }
        self.items.insert(write.key.clone(), after);
    }

    /// A part of a transaction costs twice a write, a check as much as a change.
    fn transact(&mut self, transaction: &Transaction) {
        for part in &transaction.parts {
            match part {
                Part::Check(key, _) => {
                    let item = self.items.get(key);
                    assert!(part.allowed(item));
                    self.units += 2 * item.map_or(0, |item| size(key, item)).div_ceil(UNIT);
                }
                Part::Write(write) => self.write(write, 2),
            }
        }
    }
}

fn size(key: &Key, item: &Item) -> usize {
    let keys = "pk".len() + key.partition().len() + "sk".len() + key.sort().len();
    let values = item.iter().map(|(name, value)| {
        name.len()
            + match value {
                Value::Text(text) => text.len(),
                Value::Number(number) => number_size(*number),
                Value::Numbers(set) => set.iter().map(|&one| number_size(one.into())).sum(),
                Value::Flag(_) => 1,
            }
    });
    keys + values.sum::<usize>()
}

/// A byte for each two significant digits, and one more.
fn number_size(number: i64) -> usize {
    let digits = number.to_string();
    digits.trim_end_matches('0').len().div_ceil(2) + 1
}

/// Write units of a cell of a task of `cells`, and the bytes of the task's largest item.
fn cost_of(cells: u32) -> (f64, usize) {
    let task: TaskId = "rgb-3d1c0bd2f0b5a9e1".parse().unwrap();
    let recipe = Recipe::builtin("rgb").unwrap();
    let new = NewTask {
        task: task.clone(),
        cells,
        shard_size: SHARD_SIZE,
        group_size: GROUP_SIZE,
        manifest: format!("s3://my-bucket/tilefleet/{task}/manifest.ndjson")
            .parse()
            .unwrap(),
        job: Job::Raster(recipe.clone()).id(),
        scope: Scope::default(),
        output: "s3://my-bucket/".parse().unwrap(),
        region: None,
        digest: "0f".repeat(32),
        message_key: "0".repeat(32).parse().unwrap(),
        max_failed: None,
        created_at: NOW.to_owned(),
        submitter_until: 1_796_097_669,
        expires_at: 1_800_000_000,
    };
    let mut table = Table::default();
    let header = Key::Header(task.clone());
    table.write(
        &transition::create_recipe(&task, recipe, Some(new.expires_at)),
        1,
    );
    table.write(&transition::create_header(&new), 1);
    let record = TaskRecord::from_item(&table.items[&header]).unwrap();
    for group in 0..record.group_count() {
        table.write(
            &transition::create_group(&task, group, record.shards_of(group), record.expires_at),
            1,
        );
    }
    table.write(&transition::mark_submitted(&task, NOW), 1);
    // All cells of these; every other shard costs as much as they do on average.
    let shards = record.shard_count();
    let sample = [0, shards / 2, shards - 1];
    let so_far = std::mem::take(&mut table.units);
    let mut sampled = 0;
    for shard in sample {
        sampled += cells_of(&mut table, &new, shard);
    }
    let per_cell = f64::from(u32::try_from(table.units).unwrap()) / f64::from(sampled);
    table.units = so_far;
    // A shard is small when it is closed.
    for shard in 0..shards {
        let key = Key::Shard(task.clone(), shard);
        let closed = table.items[&Key::Shard(task.clone(), 0)].clone();
        table.items.insert(key, closed);
        table.transact(&transition::close_shard(
            &task,
            record.group_of(shard),
            shard,
        ));
    }
    for group in 0..record.group_count() {
        table.transact(&transition::close_group(&task, group));
    }
    table.write(&transition::complete_task(&task, NOW), 1);
    table.write(
        &transition::claim_notice(&task, Notice::Complete(1), 0, 300),
        1,
    );
    table.write(&transition::mark_notified(&task, Notice::Complete(1)), 1);
    let shared = f64::from(u32::try_from(table.units).unwrap()) / f64::from(cells);
    (per_cell + shared, table.largest)
}

/// A shard is created and sent, and each of its cells made. Returns how many.
fn cells_of(table: &mut Table, new: &NewTask, shard: u32) -> u32 {
    let ordinals = ordinals_of_shard(shard, new.cells, new.shard_size);
    table.write(
        &transition::create_shard(&new.task, shard, ordinals.clone(), Some(new.expires_at)),
        1,
    );
    table.write(&transition::mark_enqueued(&new.task, shard, 0), 1);
    let location = "20200801/sentinel_l2a_48RXT_20200801_0_RGB.tif";
    let success = Success {
        output: new.output.clone(),
        artefacts: vec![Artefact {
            role: Role::Raster,
            location: location.to_owned(),
            etag: format!("\"{}-28\"", "0f".repeat(16)),
            bytes: 215_434_019,
        }],
        without_raster: None,
        fetch_ms: 12_345,
        fuse_ms: 12_345,
        publish_ms: 12_345,
    };
    for ordinal in ordinals.clone() {
        let ticket = Ticket {
            task: new.task.clone(),
            shard,
            group: shard / new.group_size,
            ordinal,
            cell: "48RXT/2020-08-01/0".parse().unwrap(),
            job: new.job.clone(),
            reopened: 0,
            expires_at: Some(1_800_000_000),
        };
        let worker = "i-0123456789abcdef0";
        table.write(&transition::start_cell(&ticket, worker, NOW), 1);
        table.write(&transition::record_ok(&ticket, &success, worker, NOW), 1);
        table.write(&transition::close_ok(&ticket), 1);
    }
    ordinals.end - ordinals.start
}

#[test]
fn a_cell_of_a_large_task_costs_as_many_write_units_as_one_of_a_small_task() {
    let costs = [1_000, 100_000, 10_000_000].map(|cells| (cells, cost_of(cells)));
    for (cells, (units, largest)) in costs {
        assert!(
            (3.0..3.3).contains(&units) && largest < 2 * UNIT && largest < LARGEST,
            "{cells} cells: {units} write units a cell, {largest} bytes: {costs:?}"
        );
    }
}
