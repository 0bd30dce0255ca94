//! What is left of tasks that are not found any more, and its deletion.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::dynamo;
use super::item::{Key, Value, attribute};
use super::records::{TaskState, is_expired};
use super::store::{Ledger, LedgerError, foreign};
use super::transition::FORGOTTEN;
use crate::deployment::{PARTITION_KEY, SORT_KEY};
use crate::domain::{TaskId, is_known_layout, shard_count};
use crate::fault::{self, Point};

/// Shards that are deleted at a time.
const SHARDS_AT_ONCE: usize = 8;
/// Items of one partition that are deleted at a time.
const ITEMS_AT_ONCE: usize = 8;

/// A header, be it that of an expired or forgotten task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// Its state: one of [`TaskState`], or [`FORGOTTEN`].
    pub state: String,
    /// Whether the task is not found any more because its time is over.
    pub is_expired: bool,
    /// Unix second until which a submit says that it lives; `None` when the submit is complete.
    pub submitter_until: Option<i64>,
    /// Number of cells.
    pub cells: u32,
    /// Number of shards.
    pub shards: u32,
}

impl Remains {
    /// Whether a submit lives at Unix `second` that goes on to create shards of the task.
    pub fn is_being_submitted(&self, second: i64) -> bool {
        self.submitter_until.is_some_and(|until| until >= second)
    }

    /// Whether cells of the task may be in work.
    pub fn is_running(&self) -> bool {
        self.state == TaskState::Running.name() && !self.is_expired
    }
}

/// An item as a query names it: partition and sort key.
type Name = (String, String);

impl Ledger {
    /// Reads the header of a task, be it that of an expired or forgotten task.
    ///
    /// # Errors
    /// [`LedgerError::Layout`] when another version submitted the task; another [`LedgerError`] when
    /// the call fails or the item cannot be understood.
    pub async fn remains(&self, task: &TaskId) -> Result<Option<Remains>, LedgerError> {
        let Some(header) = self.read_any(&Key::Header(task.clone())).await? else {
            return Ok(None);
        };
        let number = |name: &str| match header.get(name) {
            Some(Value::Number(number)) => u32::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        if !is_known_layout(number(attribute::LAYOUT)) {
            return Err(foreign(task, number(attribute::LAYOUT)));
        }
        let state = match header.get(attribute::STATE) {
            Some(Value::Text(state)) => state.clone(),
            _ => String::new(),
        };
        Ok(Some(Remains {
            state,
            submitter_until: match header.get(attribute::SUBMITTER_UNTIL) {
                Some(Value::Number(until)) => Some(*until),
                _ => None,
            },
            is_expired: is_expired(&header, Timestamp::now().as_second()),
            cells: number(attribute::CELLS),
            shards: shard_count(
                number(attribute::CELLS),
                number(attribute::SHARD_SIZE).max(1),
            ),
        }))
    }

    /// Forget, step 2: deletes all items of a forgotten task, the cells of each shard before the shard,
    /// and the header last. So what an interrupted deletion leaves is found by the next one. Returns
    /// how many items were deleted.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails; some items are deleted by then.
    pub async fn delete(&self, task: &TaskId, remains: &Remains) -> Result<usize, LedgerError> {
        let in_shards: usize = stream::iter(0..remains.shards)
            .map(|shard| self.delete_shard(task, shard))
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(0, |sum, deleted| async move { Ok(sum + deleted) })
            .await?;
        let header = Key::Header(task.clone());
        let mut others = self.names(header.partition()).await?;
        others.retain(|(_, sort)| *sort != header.sort());
        let beside = self.delete_all(others).await?;
        fault::point(Point::ForgetItems);
        let is_deleted = self.delete_header(&header).await?;
        Ok(in_shards + beside + usize::from(is_deleted))
    }

    async fn delete_shard(&self, task: &TaskId, shard: u32) -> Result<usize, LedgerError> {
        let names = self
            .names(Key::Shard(task.clone(), shard).partition())
            .await?;
        let (cells, rest): (Vec<Name>, Vec<Name>) = names
            .into_iter()
            .partition(|(_, sort)| sort.starts_with(Key::CELL_PREFIX));
        let cells = self.delete_all(cells).await?;
        fault::point(Point::ForgetCells);
        Ok(cells + self.delete_all(rest).await?)
    }

    /// The names of all items of a partition.
    async fn names(&self, partition: String) -> Result<Vec<Name>, LedgerError> {
        let items = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#partition = :partition")
            .projection_expression("#partition, #sort")
            .expression_attribute_names("#partition", PARTITION_KEY)
            .expression_attribute_names("#sort", SORT_KEY)
            .expression_attribute_values(":partition", AttributeValue::S(partition))
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(|error| self.error("Query", &error))?;
        let text = |value: Option<&AttributeValue>| value?.as_s().ok().cloned();
        let names = items
            .iter()
            .filter_map(|item| text(item.get(PARTITION_KEY)).zip(text(item.get(SORT_KEY))));
        Ok(names.collect())
    }

    async fn delete_all(&self, names: Vec<Name>) -> Result<usize, LedgerError> {
        stream::iter(names)
            .map(|(partition, sort)| async move {
                self.client
                    .delete_item()
                    .table_name(&self.table)
                    .key(PARTITION_KEY, AttributeValue::S(partition))
                    .key(SORT_KEY, AttributeValue::S(sort))
                    .send()
                    .await
                    .map_err(|error| self.error("DeleteItem", &error))
            })
            .buffer_unordered(ITEMS_AT_ONCE)
            .try_fold(0, |sum, _| async move { Ok(sum + 1) })
            .await
    }

    /// Deletes a header whose task is forgotten. Another process may have deleted it, and the id may
    /// be that of a new task by now.
    async fn delete_header(&self, header: &Key) -> Result<bool, LedgerError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(dynamo::key(header)))
            .condition_expression("#state = :forgotten")
            .expression_attribute_names("#state", attribute::STATE)
            .expression_attribute_values(":forgotten", AttributeValue::S(FORGOTTEN.to_owned()))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(self.error("DeleteItem", &error)),
        }
    }
}
