//! The ledger's table in DynamoDB: reads, conditional writes and transactions.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::dynamo::{self, CodecError};
use super::flow::{self, Operation};
use super::item::{Item, Key, Value, attribute};
use super::records::{CellRecord, ShardRecord, TaskRecord, TaskSummary, is_expired};
use super::transition::{FORGOTTEN, LISTED};
use super::write::{Part, Transaction, Write};
use crate::aws::{AwsError, RetryBudget};
use crate::deployment::{PARTITION_KEY, SORT_KEY, TASK_INDEX, TASK_INDEX_PARTITION_KEY};
use crate::domain::{TaskId, is_known_layout};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;

/// Tries of a write that collides with another, and of keys that come back from a batch.
pub(super) const ATTEMPTS: u32 = 12;

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// An item has a shape that this version cannot read.
    #[error("{key}: {source}")]
    Item {
        /// The item.
        key: String,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The task is laid out as another version does it.
    #[error("task {task} has layout {layout}; use the version that submitted it")]
    Layout {
        /// The task.
        task: TaskId,
        /// Its layout.
        layout: u32,
    },
    /// A write or a transaction collided with others every time.
    #[error("a write of {key} collided with others {attempts} times; try again")]
    Contended {
        /// The item, or the first of the transaction.
        key: String,
        /// How many attempts.
        attempts: u32,
    },
    /// Keys of a batch came back every time.
    #[error(
        "table {table} returned {count} keys of a batch unread {attempts} times; try again later"
    )]
    Unprocessed {
        /// The table.
        table: String,
        /// How many keys.
        count: usize,
        /// How many attempts.
        attempts: u32,
    },
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It happened; the item as it is now.
    Applied(Item),
    /// Its condition did not hold of the item.
    Refused(Option<Item>),
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionAnswer {
    /// It happened.
    Applied,
    /// A condition did not hold.
    Refused,
}

/// The ledger's table.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) client: aws_sdk_dynamodb::Client,
    pub(super) table: String,
    /// Whether reads are strongly consistent.
    pub(super) consistent: bool,
}

impl Ledger {
    /// The ledger in this table.
    pub fn new(client: aws_sdk_dynamodb::Client, table: String) -> Self {
        Self {
            client,
            table,
            consistent: true,
        }
    }

    /// The same ledger with reads that are eventually consistent: they cost half as much and may be a
    /// second old. Good enough to show something, never to decide something.
    #[must_use]
    pub fn eventually_consistent(&self) -> Self {
        Self {
            consistent: false,
            ..self.clone()
        }
    }

    pub(super) fn error<E>(
        &self,
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> LedgerError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        LedgerError::Call(AwsError::new("dynamodb", operation, &self.table, error))
    }

    /// Carries out the operation of a step of the flow.
    ///
    /// # Errors
    /// [`LedgerError`] when no answer could be had; the step can be carried out again.
    pub async fn answer(&self, operation: &Operation) -> Result<flow::Answer, LedgerError> {
        Ok(match operation {
            Operation::Read(key) => flow::Answer::Found(self.read(key).await?),
            Operation::Write(write) => match self.write(write).await? {
                Answer::Applied(item) => flow::Answer::Applied(item),
                Answer::Refused(item) => flow::Answer::Refused(item),
            },
            Operation::Transact(transaction) => match self.transact(transaction).await? {
                TransactionAnswer::Applied => flow::Answer::Applied(Item::new()),
                TransactionAnswer::Refused => flow::Answer::Refused(None),
            },
        })
    }

    /// Reads an item as it is at this moment. The header of an expired or forgotten task counts as
    /// none, although it may be there for some more days.
    ///
    /// # Errors
    /// [`LedgerError`] when the call fails or the item cannot be understood.
    pub async fn read(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        let found = self.read_any(key).await?;
        let is_header = matches!(key, Key::Header(_));
        Ok(found.filter(|item| !is_header || !is_gone(item)))
    }

    /// Reads an item as it is at this moment, even the header of an expired task.
    pub(super) async fn read_any(&self, key: &Key) -> Result<Option<Item>, LedgerError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(dynamo::key(key)))
            .consistent_read(self.consistent);
        let found = get
            .send()
            .await
            .map_err(|error| self.error("GetItem", &error))?;
        found.item().map(|item| parse(key, item)).transpose()
    }

    /// Carries out `attempt`, which returns `None` when it collides with a transaction on the same
    /// item, until it does not.
    async fn uncontended<T, F: Future<Output = Result<Option<T>, LedgerError>>>(
        &self,
        key: Option<&Key>,
        attempt: impl Fn() -> F,
    ) -> Result<T, LedgerError> {
        let mut retries = RetryBudget::new(ATTEMPTS, Duration::from_millis(20));
        loop {
            if let Some(answer) = attempt().await? {
                return Ok(answer);
            }
            let Some(delay) = retries.next_delay() else {
                return Err(LedgerError::Contended {
                    key: key.map(ToString::to_string).unwrap_or_default(),
                    attempts: ATTEMPTS,
                });
            };
            tokio::time::sleep(delay).await;
        }
    }

    /// Makes a conditional write, again and again while it collides with a transaction (Amazon
    /// DynamoDB developer guide, "Transaction conflict handling").
    ///
    /// # Errors
    /// [`LedgerError`] when the call fails or it collides too often; a refused condition is an
    /// answer.
    pub async fn write(&self, write: &Write) -> Result<Answer, LedgerError> {
        self.uncontended(Some(&write.key), || self.write_once(write))
            .await
    }

    async fn write_once(&self, write: &Write) -> Result<Option<Answer>, LedgerError> {
        use aws_sdk_dynamodb::operation::update_item::UpdateItemError::{
            ConditionalCheckFailedException, TransactionConflictException,
        };
        let expressions = dynamo::expressions(&write.conditions, &write.actions);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(dynamo::key(&write.key)))
            .set_update_expression(expressions.update)
            .set_condition_expression(expressions.condition)
            .set_expression_attribute_names(expressions.names)
            .set_expression_attribute_values(expressions.values)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(updated) => {
                let attributes = updated.attributes.unwrap_or_default();
                Ok(Some(Answer::Applied(parse(&write.key, &attributes)?)))
            }
            Err(error) => match error.as_service_error() {
                Some(ConditionalCheckFailedException(refused)) => {
                    let item = refused.item().map(|item| parse(&write.key, item));
                    Ok(Some(Answer::Refused(item.transpose()?)))
                }
                Some(TransactionConflictException(_)) => Ok(None),
                _ => Err(self.error("UpdateItem", &error)),
            },
        }
    }

    /// Makes a transaction, again and again while it collides with others.
    ///
    /// # Errors
    /// [`LedgerError`] when the call fails or it collides too often; a refused condition is an
    /// answer.
    pub async fn transact(
        &self,
        transaction: &Transaction,
    ) -> Result<TransactionAnswer, LedgerError> {
        let items = transaction
            .parts
            .iter()
            .map(|part| self.transaction_part(part))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                self.error(
                    "TransactWriteItems",
                    &TransactFailure::construction_failure(error),
                )
            })?;
        let first = transaction.parts.first().map(Part::key);
        self.uncontended(first, || self.transact_once(&items)).await
    }

    async fn transact_once(
        &self,
        items: &[TransactWriteItem],
    ) -> Result<Option<TransactionAnswer>, LedgerError> {
        use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException;
        let sent = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items.to_vec()))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Some(TransactionAnswer::Applied));
        };
        let Some(TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(self.error("TransactWriteItems", &error));
        };
        let reasons: Vec<&str> = cancelled
            .cancellation_reasons()
            .iter()
            .filter_map(|reason| reason.code())
            .collect();
        if reasons.contains(&"ConditionalCheckFailed") {
            return Ok(Some(TransactionAnswer::Refused));
        }
        let retryable = [
            "TransactionConflict",
            "ThrottlingError",
            "ProvisionedThroughputExceeded",
        ];
        if reasons.iter().any(|reason| retryable.contains(reason)) {
            Ok(None)
        } else {
            Err(self.error("TransactWriteItems", &error))
        }
    }

    fn transaction_part(
        &self,
        part: &Part,
    ) -> Result<TransactWriteItem, aws_smithy_types::error::operation::BuildError> {
        let key = Some(dynamo::key(part.key()));
        Ok(match part {
            Part::Check(_, conditions) => {
                let expressions = dynamo::expressions(conditions, &[]);
                let check = ConditionCheck::builder()
                    .table_name(&self.table)
                    .set_key(key)
                    .set_condition_expression(expressions.condition)
                    .set_expression_attribute_names(expressions.names)
                    .set_expression_attribute_values(expressions.values);
                TransactWriteItem::builder()
                    .condition_check(check.build()?)
                    .build()
            }
            Part::Write(write) => {
                let expressions = dynamo::expressions(&write.conditions, &write.actions);
                let update = Update::builder()
                    .table_name(&self.table)
                    .set_key(key)
                    .set_update_expression(expressions.update)
                    .set_condition_expression(expressions.condition)
                    .set_expression_attribute_names(expressions.names)
                    .set_expression_attribute_values(expressions.values);
                TransactWriteItem::builder().update(update.build()?).build()
            }
        })
    }

    /// Reads a task's header.
    ///
    /// # Errors
    /// [`LedgerError::Layout`] when another version submitted the task; another [`LedgerError`] when
    /// the call fails or the item cannot be understood.
    pub async fn task(&self, task: &TaskId) -> Result<Option<TaskRecord>, LedgerError> {
        let key = Key::Header(task.clone());
        let Some(item) = self.read(&key).await? else {
            return match self.read(&Key::Layout1(task.clone())).await? {
                Some(_) => Err(foreign(task, 1)),
                None => Ok(None),
            };
        };
        let is_known = |layout: i64| u32::try_from(layout).is_ok_and(is_known_layout);
        match item.get(attribute::LAYOUT) {
            Some(Value::Number(layout)) if !is_known(*layout) => {
                Err(foreign(task, u32::try_from(*layout).unwrap_or(0)))
            }
            _ => record(&key, TaskRecord::from_item(&item)).map(Some),
        }
    }

    /// Reads a shard.
    ///
    /// # Errors
    /// [`LedgerError`] when the call fails or the item cannot be understood.
    pub async fn shard(
        &self,
        task: &TaskId,
        shard: u32,
    ) -> Result<Option<ShardRecord>, LedgerError> {
        let key = Key::Shard(task.clone(), shard);
        self.read(&key)
            .await?
            .map(|item| record(&key, ShardRecord::from_item(&item)))
            .transpose()
    }

    /// Reads the cells of a shard that a worker has begun, by ordinal.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn cells(
        &self,
        task: &TaskId,
        shard: u32,
    ) -> Result<BTreeMap<u32, CellRecord>, LedgerError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(self.consistent)
            .key_condition_expression("#partition = :partition AND begins_with(#sort, :cell)")
            .expression_attribute_names("#partition", PARTITION_KEY)
            .expression_attribute_names("#sort", SORT_KEY)
            .expression_attribute_values(
                ":partition",
                AttributeValue::S(Key::Shard(task.clone(), shard).partition()),
            )
            .expression_attribute_values(":cell", AttributeValue::S(Key::CELL_PREFIX.to_owned()))
            .into_paginator()
            .items()
            .send();
        let items = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(|error| self.error("Query", &error))?;
        items
            .iter()
            .filter_map(|item| {
                let sort = item.get(SORT_KEY)?.as_s().ok()?;
                Some((sort.strip_prefix(Key::CELL_PREFIX)?.parse().ok()?, item))
            })
            .map(|(ordinal, item)| {
                let key = Key::Cell(task.clone(), shard, ordinal);
                Ok((
                    ordinal,
                    record(&key, CellRecord::from_item(&parse(&key, item)?))?,
                ))
            })
            .collect()
    }

    /// Reads the newest tasks, newest first, at most `most`. Tasks of the last second may be
    /// missing: it reads an index.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn tasks(&self, most: usize) -> Result<Vec<(TaskId, TaskSummary)>, LedgerError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(TASK_INDEX)
            .scan_index_forward(false)
            .key_condition_expression("#listed = :listed")
            .expression_attribute_names("#listed", TASK_INDEX_PARTITION_KEY)
            .expression_attribute_values(":listed", AttributeValue::S(LISTED.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut tasks = vec![];
        while tasks.len() < most {
            let Some(item) = pages.next().await else {
                break;
            };
            let item = item.map_err(|error| self.error("Query", &error))?;
            let partition = item.get(PARTITION_KEY).and_then(|value| value.as_s().ok());
            let Some(task) =
                partition.and_then(|key| key.strip_prefix("T#")?.parse::<TaskId>().ok())
            else {
                continue;
            };
            let key = Key::Header(task.clone());
            let item = parse(&key, &item)?;
            if !is_gone(&item) {
                tasks.push((task, record(&key, TaskSummary::from_item(&item))?));
            }
        }
        Ok(tasks)
    }
}

/// Whether a header, or its copy in the index, is that of a task which is not found any more.
fn is_gone(header: &Item) -> bool {
    let is_forgotten = header.get(attribute::STATE) == Some(&FORGOTTEN.into());
    is_forgotten || is_expired(header, Timestamp::now().as_second())
}

pub(super) fn foreign(task: &TaskId, layout: u32) -> LedgerError {
    LedgerError::Layout {
        task: task.clone(),
        layout,
    }
}

type TransactFailure = SdkError<
    aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
    HttpResponse,
>;

pub(super) fn parse(
    key: &Key,
    attributes: &HashMap<String, AttributeValue>,
) -> Result<Item, LedgerError> {
    record(key, dynamo::item(attributes))
}

pub(super) fn record<T>(key: &Key, read: Result<T, CodecError>) -> Result<T, LedgerError> {
    read.map_err(|source| LedgerError::Item {
        key: key.to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::canned::{self, Log, Request, Response};
    use crate::ledger::{LAST_DAYS_S, transition};

    fn ledger(
        respond: impl Fn(usize, &Request) -> Response + Send + Sync + 'static,
    ) -> (Ledger, Log) {
        let (client, log) = canned::client(respond);
        let config = canned::config!(aws_sdk_dynamodb, client).build();
        (
            Ledger::new(aws_sdk_dynamodb::Client::from_conf(config), "table".into()),
            log,
        )
    }

    fn cancelled(reasons: &[&str]) -> Response {
        let reasons: Vec<serde_json::Value> =
            reasons.iter().map(|code| json!({ "Code": code })).collect();
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        canned::json(
            400,
            &json!({"__type": kind, "message": "cancelled", "CancellationReasons": reasons}),
        )
    }

    fn task() -> TaskId {
        "t".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_collides_is_tried_again_and_a_refused_one_is_not() {
        let (ledger, log) = ledger(|n, _| match n {
            0 | 1 => cancelled(&["None", "TransactionConflict"]),
            _ => cancelled(&["ConditionalCheckFailed", "None"]),
        });
        let answer = ledger
            .transact(&transition::close_shard(&task(), 0, 0))
            .await
            .unwrap();
        assert_eq!(
            (answer, log.requests().len()),
            (TransactionAnswer::Refused, 3)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_always_collides_is_an_error_in_the_end() {
        let (ledger, _) = ledger(|_, _| cancelled(&["TransactionConflict", "None"]));
        let error = ledger
            .transact(&transition::close_shard(&task(), 0, 3))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a write of T#t#3/SHARD collided with others 12 times; try again"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_collides_with_a_transaction_is_tried_again() {
        let conflict = || {
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
            canned::json(400, &json!({"__type": kind, "message": "ongoing"}))
        };
        let (retryable, log) = ledger(move |n, _| match n {
            0..8 => conflict(),
            _ => canned::json(200, &json!({"Attributes": {"state": {"S": "COMPLETE"}}})),
        });
        let write = transition::complete_task(&task(), "now");
        let answer = retryable.write(&write).await.unwrap();
        assert_eq!(
            (answer, log.requests().len()),
            (
                Answer::Applied(Item::from([("state", "COMPLETE".into())])),
                9
            )
        );
        let (lasting, _) = ledger(move |_, _| conflict());
        let error = lasting.write(&write).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "a write of T#t/HEADER collided with others 12 times; try again"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_transaction_is_tried_again() {
        for reason in ["ThrottlingError", "ProvisionedThroughputExceeded"] {
            let (ledger, log) = ledger(move |n, _| match n {
                0 => cancelled(&[reason, "None"]),
                _ => canned::json(200, &json!({})),
            });
            let answer = ledger
                .transact(&transition::close_shard(&task(), 0, 0))
                .await
                .unwrap();
            assert_eq!(
                (answer, log.requests().len()),
                (TransactionAnswer::Applied, 2),
                "{reason}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_condition_that_failed_is_an_answer_even_beside_a_collision() {
        let (ledger, log) =
            ledger(|_, _| cancelled(&["TransactionConflict", "ConditionalCheckFailed"]));
        let answer = ledger
            .transact(&transition::close_shard(&task(), 0, 0))
            .await
            .unwrap();
        assert_eq!(
            (answer, log.requests().len()),
            (TransactionAnswer::Refused, 1)
        );
    }

    #[tokio::test]
    async fn an_expired_or_forgotten_task_is_not_found_although_its_header_is_there() {
        let now = Timestamp::now().as_second();
        for (state, left, is_found) in [
            ("COMPLETE", 1000, true),
            ("COMPLETE", -1, false),
            ("FORGOTTEN", 1000, false),
        ] {
            let deleted_at = (now + left + LAST_DAYS_S).to_string();
            let item = json!({"state": {"S": state}, "layout": {"N": "2"}, "expires_at": {"N": deleted_at}});
            let (ledger, _) = ledger(move |_, _| canned::json(200, &json!({ "Item": item })));
            let found = ledger.read(&Key::Header(task())).await.unwrap();
            assert_eq!(found.is_some(), is_found, "{state} {left}");
            assert!(ledger.remains(&task()).await.unwrap().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_can_never_happen_is_not_tried_again() {
        let (ledger, log) = ledger(|_, _| cancelled(&["ValidationError", "None"]));
        let error = ledger
            .transact(&transition::close_shard(&task(), 0, 0))
            .await
            .unwrap_err();
        assert!(matches!(error, LedgerError::Call(_)), "{error}");
        assert_eq!(log.requests().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_write_brings_the_item_that_refused_it() {
        let (ledger, _) = ledger(|_, _| {
            let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
            let item = json!({"pk": {"S": "T#t"}, "state": {"S": "CANCELLED"}});
            canned::json(
                400,
                &json!({"__type": kind, "message": "The conditional request failed", "Item": item}),
            )
        });
        let answer = ledger
            .write(&transition::complete_task(&task(), "now"))
            .await
            .unwrap();
        assert_eq!(
            answer,
            Answer::Refused(Some(Item::from([("state", "CANCELLED".into())])))
        );
    }
}
