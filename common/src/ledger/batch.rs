//! Reads of many items at a time. Keys that a batch leaves unread are requested again.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::dynamo;
use super::item::{Item, Key};
use super::records::{CellRecord, GroupRecord, Open, ShardRecord, TaskRecord};
use super::store::{ATTEMPTS, Ledger, LedgerError, parse, record};
use crate::aws::RetryBudget;
use crate::deployment::{PARTITION_KEY, SORT_KEY};
use crate::domain::TaskId;

/// Keys of one `BatchGetItem` (DynamoDB API reference).
const BATCH_KEYS: usize = 100;
/// `BatchGetItem` calls of one reading at a time.
const BATCHES_AT_ONCE: usize = 8;

type Failure = SdkError<BatchGetItemError, HttpResponse>;

impl Ledger {
    /// Reads all shards of a task that exist, by number.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn shards(
        &self,
        task: &TaskId,
        of: &TaskRecord,
    ) -> Result<BTreeMap<u32, ShardRecord>, LedgerError> {
        let all: Vec<u32> = (0..of.shard_count()).collect();
        self.some_shards(task, &all).await
    }

    /// Reads those of `groups` that exist, by number.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn groups(
        &self,
        task: &TaskId,
        groups: impl IntoIterator<Item = u32>,
    ) -> Result<BTreeMap<u32, GroupRecord>, LedgerError> {
        let keys = groups
            .into_iter()
            .map(|group| Key::Group(task.clone(), group));
        let mut found = BTreeMap::new();
        for (key, item) in self.batches(keys.collect()).await? {
            if let Key::Group(_, group) = key {
                found.insert(group, record(&key, GroupRecord::from_item(&item))?);
            }
        }
        Ok(found)
    }

    /// Reads which shards a task, whose header is `of`, still waits for: header, open groups, open
    /// shards.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn open(&self, task: &TaskId, of: &TaskRecord) -> Result<Open, LedgerError> {
        let groups = self.groups(task, of.open_groups.iter().copied()).await?;
        Ok(Open::new(of, &groups))
    }

    /// Reads those of `shards` that exist, by number.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn some_shards(
        &self,
        task: &TaskId,
        shards: &[u32],
    ) -> Result<BTreeMap<u32, ShardRecord>, LedgerError> {
        let keys = shards.iter().map(|&shard| Key::Shard(task.clone(), shard));
        let mut found = BTreeMap::new();
        for (key, item) in self.batches(keys.collect()).await? {
            if let Key::Shard(_, shard) = key {
                found.insert(shard, record(&key, ShardRecord::from_item(&item))?);
            }
        }
        Ok(found)
    }

    /// Reads the items of those of `cells`, each a shard and an ordinal, that a worker has begun,
    /// by ordinal.
    ///
    /// # Errors
    /// [`LedgerError`] when a call fails or an item cannot be understood.
    pub async fn some_cells(
        &self,
        task: &TaskId,
        cells: impl IntoIterator<Item = (u32, u32)>,
    ) -> Result<BTreeMap<u32, CellRecord>, LedgerError> {
        let keys = cells
            .into_iter()
            .map(|(shard, ordinal)| Key::Cell(task.clone(), shard, ordinal));
        let mut found = BTreeMap::new();
        for (key, item) in self.batches(keys.collect()).await? {
            if let Key::Cell(_, _, ordinal) = key {
                found.insert(ordinal, record(&key, CellRecord::from_item(&item))?);
            }
        }
        Ok(found)
    }

    async fn batches(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, LedgerError> {
        let batches: Vec<Vec<Key>> = keys.chunks(BATCH_KEYS).map(<[Key]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.batch(batch))
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_fold(vec![], |mut all, batch| async move {
                all.extend(batch);
                Ok(all)
            })
            .await
    }

    async fn batch(&self, wanted: Vec<Key>) -> Result<Vec<(Key, Item)>, LedgerError> {
        let mut keys: Vec<_> = wanted.iter().map(dynamo::key).collect();
        let mut by_name: HashMap<(String, String), Key> = wanted
            .into_iter()
            .map(|key| ((key.partition(), key.sort()), key))
            .collect();
        let mut found = vec![];
        let mut retries = RetryBudget::new(ATTEMPTS, Duration::from_millis(50));
        loop {
            // Ask for all keys that are left.
            let request = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(self.consistent)
                .build();
            let request = request.map_err(|error| {
                self.error("BatchGetItem", &Failure::construction_failure(error))
            })?;
            let batch = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .send()
                .await;
            let batch = batch.map_err(|error| self.error("BatchGetItem", &error))?;
            // An item says which key it is of.
            for item in batch.responses.unwrap_or_default().into_values().flatten() {
                let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
                let name = text(PARTITION_KEY).zip(text(SORT_KEY));
                if let Some(key) = name.and_then(|name| by_name.remove(&name)) {
                    let item = parse(&key, &item)?;
                    found.push((key, item));
                }
            }
            // What the batch leaves unread is asked for again, after a delay.
            let unread = batch
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table);
            keys = unread.map(|rest| rest.keys).unwrap_or_default();
            if keys.is_empty() {
                return Ok(found);
            }
            let Some(delay) = retries.next_delay() else {
                let (table, count) = (self.table.clone(), keys.len());
                return Err(LedgerError::Unprocessed {
                    table,
                    count,
                    attempts: ATTEMPTS,
                });
            };
            tokio::time::sleep(delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::canned::{self, Log, Request, Response};

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

    fn task() -> TaskId {
        "t".parse().unwrap()
    }

    /// Reads one key of each of the first two requests and all of later ones, whatever they are.
    fn reads_by_and_by(n: usize, asked: &Request) -> Response {
        let request: Value = serde_json::from_str(&asked.body).unwrap();
        let keys = request["RequestItems"]["table"]["Keys"]
            .as_array()
            .unwrap()
            .clone();
        let item = |key: &Value| {
            let mut item = key.clone();
            item["size"] = json!({"N": "1"});
            item["pending"] = json!({"NS": ["0"]});
            item["state"] = json!({"S": "failed"});
            item["cell"] = json!({"S": "48RXT/2020-08-01/0"});
            item
        };
        let (read, rest) = keys.split_at(if n < 2 { 1 } else { keys.len() });
        let unread = if rest.is_empty() {
            json!({})
        } else {
            json!({"table": {"Keys": rest}})
        };
        let items: Vec<Value> = read.iter().map(item).collect();
        canned::json(
            200,
            &json!({"Responses": {"table": items}, "UnprocessedKeys": unread}),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_a_batch_leaves_unread_are_read_again() {
        let (shards, log) = ledger(reads_by_and_by);
        let read = shards.some_shards(&task(), &[0, 1, 2, 3]).await.unwrap();
        assert_eq!(
            (read.into_keys().collect::<Vec<_>>(), log.requests().len()),
            (vec![0, 1, 2, 3], 3)
        );
        let (cells, log) = ledger(reads_by_and_by);
        let read = cells
            .some_cells(&task(), [(0, 7), (0, 8), (1, 200)])
            .await
            .unwrap();
        assert_eq!(
            (read.into_keys().collect::<Vec<_>>(), log.requests().len()),
            (vec![7, 8, 200], 3)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_are_never_read_are_an_error_in_the_end() {
        let (ledger, _) = ledger(|_, asked| {
            let request: Value = serde_json::from_str(&asked.body).unwrap();
            canned::json(
                200,
                &json!({"Responses": {}, "UnprocessedKeys": request["RequestItems"]}),
            )
        });
        let error = ledger.some_shards(&task(), &[0, 1]).await.unwrap_err();
        assert!(
            matches!(
                error,
                LedgerError::Unprocessed {
                    count: 2,
                    attempts: 12,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_asks_for_a_hundred_keys_at_most() {
        let (ledger, log) = ledger(|_, asked| {
            let request: Value = serde_json::from_str(&asked.body).unwrap();
            assert!(
                request["RequestItems"]["table"]["Keys"]
                    .as_array()
                    .unwrap()
                    .len()
                    <= 100
            );
            reads_by_and_by(9, asked)
        });
        let read = ledger
            .some_cells(&task(), (0..250).map(|ordinal| (0, ordinal)))
            .await
            .unwrap();
        assert_eq!((read.len(), log.requests().len()), (250, 3));
    }
}
