//! Reads the facts. What cannot be read is noted and hides nothing else.

use std::fmt::Display;
use std::pin::pin;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use tilefleet_common::aws::{Group, Queue};
use tilefleet_common::dispatch::TaskCells;
use tilefleet_common::domain::{CellId, TaskId};
use tilefleet_common::ledger::{TaskRecord, TaskState};

use super::facts::{CellFacts, Facts, GroupFacts, MessageCounts, OlderTask};
use crate::commands::cells::ShownState;
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, TaskProgress};

/// Activities of the group that are read.
const ACTIVITIES: u8 = 5;
/// The newest tasks among which older ones are looked for.
const TASKS: usize = 200;

/// Reads the facts of a task, and of one of its cells if it is named.
///
/// # Errors
/// When the task or the cell does not exist, or the ledger cannot be read.
pub(super) async fn gather(
    fleet: &FleetConnection,
    task: &TaskId,
    cell: Option<CellId>,
) -> Result<Facts, ProducerError> {
    let record = fleet.task(task).await?;
    let progress = TaskProgress::default()
        .count(&fleet.ledger, task, &record)
        .await?;
    let cell = match cell {
        Some(cell) => Some(find(fleet, task, &record, cell).await?),
        None => None,
    };
    let mut unread = Unread::default();
    let queue = unread.or_none(counts(&fleet.queue).await);
    let dead_letters = match &fleet.dead_letters {
        Some(dead) => unread.or_none(counts(dead).await),
        None => None,
    };
    let group = group(fleet, &mut unread).await;
    let older = unread.or_none(older(fleet, task, &record).await);
    let group_name = fleet.group.as_ref().map(Group::name);
    let workers = unread.or_none(fleet.ledger.workers(group_name).await);
    Ok(Facts {
        second: Timestamp::now().as_second(),
        task: task.clone(),
        record,
        progress,
        queue,
        dead_letters,
        group,
        older: older.unwrap_or_default(),
        workers: workers.unwrap_or_default(),
        cell,
        unread: unread.0,
    })
}

/// Why something could not be read.
#[derive(Debug, Default)]
struct Unread(Vec<String>);

impl Unread {
    fn or_none<T>(&mut self, read: Result<T, impl Display>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(error.to_string());
                None
            }
        }
    }
}

async fn counts(queue: &Queue) -> Result<MessageCounts, ProducerError> {
    let attributes = queue.attributes().await?;
    Ok(MessageCounts {
        waiting: attributes.waiting,
        hidden: attributes.hidden,
    })
}

async fn group(fleet: &FleetConnection, unread: &mut Unread) -> Option<GroupFacts> {
    let group = fleet.group.as_ref()?;
    let state = unread.or_none(group.state().await)?;
    let activities = unread.or_none(group.activities(ACTIVITIES).await);
    Some(GroupFacts {
        name: group.name().to_owned(),
        state,
        activities: activities.unwrap_or_default(),
    })
}

/// Running tasks that are older than this one, oldest first.
async fn older(
    fleet: &FleetConnection,
    task: &TaskId,
    record: &TaskRecord,
) -> Result<Vec<OlderTask>, ProducerError> {
    let tasks = fleet.ledger.tasks(TASKS).await?;
    let older = tasks.into_iter().rev().filter(|(other, found)| {
        other != task && found.state == TaskState::Running && found.created_at <= record.created_at
    });
    Ok(older
        .map(|(task, found)| OlderTask {
            task,
            cells: found.cells,
        })
        .collect())
}

/// Finds the cell in the manifest, and reads its item.
async fn find(
    fleet: &FleetConnection,
    task: &TaskId,
    record: &TaskRecord,
    wanted: CellId,
) -> Result<CellFacts, ProducerError> {
    let cells = TaskCells {
        objects: &fleet.clients.objects,
        ledger: &fleet.ledger,
        task,
        record,
    };
    let mut shards = pin!(cells.shards(|_, _| false));
    while let Some(shard) = shards.try_next().await? {
        let found = shard.cells.iter().find(|(_, cell)| cell.id == wanted);
        if let Some(&(ordinal, _)) = found {
            let key = [(shard.number, ordinal)];
            let item = fleet.ledger.some_cells(task, key).await?.remove(&ordinal);
            return Ok(CellFacts {
                cell: wanted,
                ordinal,
                state: ShownState::of(shard.sets.as_ref(), ordinal, item.as_ref()),
                history: item.map(|item| item.history),
            });
        }
    }
    Err(ProducerError::NoSuchCell {
        task: task.clone(),
        cell: wanted,
    })
}
