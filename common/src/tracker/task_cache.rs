//! Tasks' headers, read at most every half minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::TaskId;
use crate::ledger::{Item, Key, Ledger, LedgerError, TaskState, Value, attribute};

/// How old what is known of a task may be. It bounds how long a cancelled task's cells are still
/// begun.
const FRESH: Duration = Duration::from_secs(30);
/// Tasks remembered; a worker seldom sees more than a few at a time.
const MOST: usize = 100;

/// Headers as they were a moment ago, so that a cell costs no read of its task.
#[derive(Debug, Default)]
pub(super) struct TaskCache(Mutex<HashMap<TaskId, (Instant, Item)>>);

impl TaskCache {
    /// Whether the task is known to have no limit of failed cells. A limit is fixed at submit, so
    /// it does not matter how old the header is.
    pub(super) fn is_without_limit(&self, task: &TaskId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(task)
            .is_some_and(|(_, item)| !item.contains_key(attribute::MAX_FAILED))
    }

    /// The task's header, at most [`FRESH`] old. That a task is not there is never remembered; nor
    /// that it is cancelled, because the messages of a task that was resumed since would be
    /// dropped.
    pub(super) async fn read(
        &self,
        ledger: &Ledger,
        task: &TaskId,
    ) -> Result<Option<Item>, LedgerError> {
        let known = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(task)
            .cloned();
        if let Some((read_at, item)) = known
            && read_at.elapsed() < FRESH
            && item.get(attribute::STATE) != Some(&Value::from(TaskState::Cancelled.name()))
        {
            return Ok(Some(item));
        }
        let item = ledger.read(&Key::Header(task.clone())).await?;
        self.learn(task, item.as_ref());
        Ok(item)
    }

    /// What an answer of the ledger has said of the task. A worker that has just stopped a task must
    /// not take it for a running one.
    pub(super) fn learn(&self, task: &TaskId, item: Option<&Item>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match item {
            Some(item) => {
                if known.len() >= MOST {
                    known.retain(|_, (read_at, _)| read_at.elapsed() < FRESH);
                }
                known.insert(task.clone(), (Instant::now(), item.clone()));
            }
            None => {
                known.remove(task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::canned;

    #[tokio::test(start_paused = true)]
    async fn a_running_task_is_read_once_and_a_cancelled_one_each_time() {
        for (state, reads) in [("RUNNING", 1), ("CANCELLED", 3)] {
            let (client, log) = canned::client(move |_, _| {
                canned::json(200, &json!({"Item": {"state": {"S": state}}}))
            });
            let config = canned::config!(aws_sdk_dynamodb, client).build();
            let ledger = Ledger::new(aws_sdk_dynamodb::Client::from_conf(config), "table".into());
            let cache = TaskCache::default();
            for _ in 0..3 {
                cache.read(&ledger, &"t".parse().unwrap()).await.unwrap();
            }
            assert_eq!(log.requests().len(), reads, "{state}");
        }
    }
}
