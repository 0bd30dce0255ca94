//! Recipe items by digest, so that a cell costs no read of its task's recipe.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::{JobId, RecipeDigest, TaskId};
use crate::ledger::{Item, Key, Ledger, LedgerError, Value, attribute};

/// Recipes kept, of at most 16 KB each; a worker seldom sees more than a few.
const MOST: usize = 100;

/// Recipe items that were read once. They never change, so none of them grows old.
///
/// Two tasks with the same recipe share an item, although for one of them it may have been built in
/// and for the other not. Their rasters have the same bytes; only their keys could be swapped.
#[derive(Debug, Default)]
pub(super) struct RecipeCache(Mutex<HashMap<RecipeDigest, Item>>);

impl RecipeCache {
    /// The recipe item of `task`, or that of another task with the same recipe, of which `job` has
    /// the digest. An item that is missing or has another digest is returned and not kept.
    pub(super) async fn read(
        &self,
        ledger: &Ledger,
        task: &TaskId,
        job: &JobId,
    ) -> Result<Option<Item>, LedgerError> {
        let Some(digest) = job.digest() else {
            return Ok(None);
        };
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(item) = kept().get(digest) {
            return Ok(Some(item.clone()));
        }
        let item = ledger.read(&Key::Recipe(task.clone())).await?;
        let text = item
            .as_ref()
            .and_then(|item| item.get(attribute::RECIPE_TEXT));
        if let (Some(item), Some(Value::Text(text))) = (&item, text)
            && RecipeDigest::of(text) == *digest
        {
            let mut kept = kept();
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(digest.clone(), item.clone());
        }
        Ok(item)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::canned;

    #[tokio::test]
    async fn a_recipe_is_read_once_and_one_of_another_digest_each_time() {
        let text = r#"{"name":"rgb"}"#;
        for (digest, reads) in [(RecipeDigest::of(text), 1), (RecipeDigest::of("other"), 3)] {
            let (client, log) = canned::client(move |_, _| {
                canned::json(200, &json!({"Item": {"recipe_text": {"S": text}}}))
            });
            let config = canned::config!(aws_sdk_dynamodb, client).build();
            let ledger = Ledger::new(aws_sdk_dynamodb::Client::from_conf(config), "table".into());
            let cache = RecipeCache::default();
            let job = JobId::new("rgb".to_owned(), Some(digest)).unwrap();
            for task in ["t", "u", "t"] {
                let task = task.parse().unwrap();
                let item = cache.read(&ledger, &task, &job).await.unwrap();
                assert!(item.is_some());
            }
            assert_eq!(log.requests().len(), reads);
        }
    }
}
