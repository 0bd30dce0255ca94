//! The ledger's table in memory. The meaning of every operation is `Write::apply`; this module only
//! finds the items.
//!
//! A state names its items by number, so that a state is a few bytes and equal items are compared
//! once.
#![expect(
    clippy::unwrap_used,
    reason = "a poisoned lock or an unreadable item ends the test, as it should"
)]

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::flow::{Answer, Operation};
use tilefleet_common::ledger::{
    CellState, Condition, Item, Key, NoRaster, Part, ShardRecord, TaskRecord, TaskState, Value,
    Write, attribute,
};

/// Attributes that are for readers and decide nothing. With them, equal states would look
/// different. The table checks that no condition reads them.
const STORY: [&str; 11] = [
    attribute::WORKER,
    attribute::RECEIVES,
    attribute::INTERRUPTIONS,
    attribute::STARTED_AT,
    attribute::ENDED_AT,
    attribute::COMPLETED_AT,
    attribute::ERROR_CODE,
    attribute::ERROR_MESSAGE,
    attribute::NOTICE_ERROR,
    attribute::REASON,
    attribute::CANCELLED_AT,
];

/// Numbers for values that many states share.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Shelf<T>>);

#[derive(Debug)]
struct Shelf<T> {
    numbers: HashMap<Arc<T>, u16>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Shelf {
            numbers: HashMap::new(),
            values: vec![],
        }))
    }
}

impl<T: Eq + Hash> Pool<T> {
    pub(crate) fn number(&self, value: T) -> u16 {
        let mut guard = self.0.lock().unwrap();
        let Shelf { numbers, values } = &mut *guard;
        if let Some(&known) = numbers.get(&value) {
            return known;
        }
        let number = u16::try_from(values.len()).unwrap();
        let value = Arc::new(value);
        values.push(Arc::clone(&value));
        numbers.insert(value, number);
        number
    }

    pub(crate) fn value(&self, number: u16) -> Arc<T> {
        Arc::clone(&self.0.lock().unwrap().values[usize::from(number)])
    }
}

/// All items of one task with at most two cells, by their numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Items {
    header: Option<u16>,
    recipe: Option<u16>,
    groups: [Option<u16>; 2],
    shards: [Option<u16>; 2],
    cells: [Option<u16>; 2],
}

impl Items {
    fn slot(&mut self, key: &Key) -> &mut Option<u16> {
        match key {
            Key::Header(_) | Key::Layout1(_) => &mut self.header,
            Key::Group(_, group) => &mut self.groups[usize::try_from(*group).unwrap()],
            Key::Recipe(_) => &mut self.recipe,
            Key::Shard(_, shard) => &mut self.shards[usize::try_from(*shard).unwrap()],
            Key::Cell(_, _, ordinal) => &mut self.cells[usize::try_from(*ordinal).unwrap()],
            Key::Denial(..) | Key::Bucket(_) | Key::Worker(..) | Key::Replacement(_) => {
                unreachable!("no step of the protocol is about {key}")
            }
        }
    }
}

/// Ordinals as bits.
pub(crate) type Cells = u8;

/// A header, as far as properties speak of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskView {
    pub(crate) state: TaskState,
    pub(crate) epoch: u32,
    pub(crate) notified_epoch: u32,
    pub(crate) submitted: bool,
    pub(crate) notice_held: bool,
    /// The end of the notice's lease, which names it.
    pub(crate) notice_until: Option<i64>,
    pub(crate) open_groups: u8,
    pub(crate) cancels: u32,
    pub(crate) cancels_notified: u32,
    pub(crate) stopped: bool,
    /// Failed cells that were counted.
    pub(crate) failures: u32,
}

impl TaskView {
    /// Whether the task owes a notice.
    pub(crate) fn owes_notice(self) -> bool {
        match self.state {
            TaskState::Complete => self.notified_epoch < self.epoch,
            TaskState::Cancelled => self.cancels_notified < self.cancels,
            TaskState::Running => false,
        }
    }
}

/// A shard item, as far as properties speak of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShardView {
    pub(crate) pending: Cells,
    pub(crate) failed: Cells,
    pub(crate) outside_area: Cells,
    pub(crate) enqueued: bool,
    pub(crate) reopened: u32,
}

/// What the items say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) task: Option<TaskView>,
    /// The open shards of each group that is there.
    pub(crate) groups: [Option<u8>; 2],
    pub(crate) shards: [Option<ShardView>; 2],
    pub(crate) ok_cells: Cells,
    /// Of these, the cells that the task's area does not touch.
    pub(crate) outside_cells: Cells,
    pub(crate) failed_cells: Cells,
}

/// The table: carries out operations on the items of a state.
#[derive(Debug, Default)]
pub(crate) struct Table {
    items: Pool<Item>,
    views: Mutex<HashMap<Items, View>>,
}

impl Table {
    /// Carries out an operation at once and entirely, and answers as `Ledger::answer` does.
    pub(crate) fn execute(&self, items: &mut Items, operation: &Operation) -> Answer {
        match operation {
            Operation::Read(key) => {
                Answer::Found(self.item(items, key).map(|item| (*item).clone()))
            }
            Operation::Write(write) => {
                if self.apply(items, write) {
                    Answer::Applied(
                        self.item(items, &write.key)
                            .map(|item| (*item).clone())
                            .unwrap(),
                    )
                } else {
                    Answer::Refused(self.item(items, &write.key).map(|item| (*item).clone()))
                }
            }
            Operation::Transact(transaction) => {
                let mut after = *items;
                let all = transaction.parts.iter().all(|part| match part {
                    Part::Check(key, conditions) => {
                        no_story(conditions);
                        part.allowed(self.item(items, key).as_deref())
                    }
                    Part::Write(write) => self.apply(&mut after, write),
                });
                if all {
                    *items = after;
                    Answer::Applied(Item::new())
                } else {
                    Answer::Refused(None)
                }
            }
        }
    }

    fn apply(&self, items: &mut Items, write: &Write) -> bool {
        no_story(&write.conditions);
        let Some(mut after) = write.apply(self.item(items, &write.key).as_deref()) else {
            return false;
        };
        after.retain(|name, _| !STORY.contains(name));
        *items.slot(&write.key) = Some(self.items.number(after));
        true
    }

    /// An item is gone.
    pub(crate) fn lose(items: &mut Items, key: &Key) {
        *items.slot(key) = None;
    }

    pub(crate) fn item(&self, items: &Items, key: &Key) -> Option<Arc<Item>> {
        let mut items = *items;
        items.slot(key).map(|number| self.items.value(number))
    }

    /// The notice's lease runs out. Leases begin at second 0 and time stands still at 0, so that
    /// what has run out is before 0 and states do not differ by the hour.
    pub(crate) fn lapse(&self, items: &mut Items, task: &TaskId) {
        let key = Key::Header(task.clone());
        if let Some(item) = self.item(items, &key) {
            let mut item = (*item).clone();
            item.insert(attribute::NOTIFY_UNTIL, Value::Number(-1));
            *items.slot(&key) = Some(self.items.number(item));
        }
    }

    /// Reads all items as the producer's commands read them.
    pub(crate) fn view(&self, items: &Items) -> View {
        if let Some(view) = self.views.lock().unwrap().get(items) {
            return *view;
        }
        let value = |number: Option<u16>| number.map(|number| self.items.value(number));
        let cells_with = |name: &str, wanted: &str| {
            let wanted = Value::from(wanted);
            let is = |cell| value(cell).is_some_and(|item| item.get(name) == Some(&wanted));
            items
                .cells
                .iter()
                .zip(0..)
                .map(|(cell, ordinal)| Cells::from(is(*cell)) << ordinal)
                .sum()
        };
        let cells_in = |state: CellState| cells_with(attribute::STATE, state.name());
        let view = View {
            task: value(items.header).map(|item| task_view(&item)),
            groups: items.groups.map(|group| {
                value(group).map(|item| match item.get(attribute::OPEN_SHARDS) {
                    Some(Value::Numbers(open)) => open.iter().map(|shard| 1 << shard).sum(),
                    _ => 0,
                })
            }),
            shards: items
                .shards
                .map(|shard| value(shard).map(|item| shard_view(&item))),
            ok_cells: cells_in(CellState::Ok),
            outside_cells: cells_with(attribute::WITHOUT_RASTER, NoRaster::OutsideArea.name()),
            failed_cells: cells_in(CellState::Failed),
        };
        self.views.lock().unwrap().insert(*items, view);
        view
    }
}

fn no_story(conditions: &[Condition]) {
    for condition in conditions {
        let (Condition::Absent(name)
        | Condition::Exists(name)
        | Condition::Is(name, _)
        | Condition::IsNot(name, _)
        | Condition::AbsentOrBelow(name, _)
        | Condition::AtLeast(name, _)
        | Condition::Contains(name, _)) = condition;
        assert!(
            !STORY.contains(name),
            "a condition reads {name}, which the model leaves out"
        );
    }
}

fn task_view(item: &Item) -> TaskView {
    let task = TaskRecord::from_item(item).unwrap();
    TaskView {
        state: task.state,
        epoch: task.epoch,
        notified_epoch: task.notified_epoch,
        submitted: task.submitted_at.is_some(),
        notice_held: matches!(item.get(attribute::NOTIFY_UNTIL), Some(Value::Number(until)) if *until >= 0),
        notice_until: match item.get(attribute::NOTIFY_UNTIL) {
            Some(Value::Number(until)) => Some(*until),
            _ => None,
        },
        open_groups: task.open_groups.iter().map(|group| 1 << group).sum(),
        cancels: task.cancels,
        cancels_notified: task.cancels_notified,
        stopped: task.stopped,
        failures: task.failures,
    }
}

fn shard_view(item: &Item) -> ShardView {
    let shard = ShardRecord::from_item(item).unwrap();
    let cells = |ordinals: std::collections::BTreeSet<u32>| {
        ordinals.iter().map(|ordinal| 1 << ordinal).sum()
    };
    ShardView {
        pending: cells(shard.pending),
        failed: cells(shard.failed),
        outside_area: cells(shard.outside_area),
        enqueued: shard.enqueued,
        reopened: shard.reopened,
    }
}
