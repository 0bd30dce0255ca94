//! The area of a task: an object beside its manifest, held against the digest that a message names.

use std::sync::Arc;

use super::advance::Tracker;
use crate::aws::ObjectError;
use crate::domain::{Area, AreaDigest, AreaError, MAX_AREA_BYTES, S3Url, TaskId};
use crate::ledger::{LedgerError, TaskRecord};

/// Why a worker cannot use the area of a task. Its message goes back; the cell is charged nothing.
#[derive(Debug, thiserror::Error)]
pub enum AreaTrouble {
    /// The ledger does not say where the area is.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The task is not in the ledger any more.
    #[error("task {0} is not in the ledger any more, so its area is not known")]
    NoTask(TaskId),
    /// The object cannot be read.
    #[error("the area of the task cannot be read: {0}")]
    Object(#[from] ObjectError),
    /// The object is not the area that the message names, although it never changes.
    #[error(
        "{object} has digest {found}, but the message names {named}; cancel the task and submit its cells again"
    )]
    Differs {
        /// The object.
        object: S3Url,
        /// Its digest.
        found: AreaDigest,
        /// The digest in the message.
        named: AreaDigest,
    },
    /// This version does not understand the area: a newer producer submitted the task.
    #[error("this version of the worker does not understand the area: {0}; run a newer worker")]
    NotUnderstood(#[from] AreaError),
}

impl Tracker {
    /// The area of `task` that its messages name as `digest`. It is read once for each digest, and
    /// must have it.
    ///
    /// # Errors
    /// [`AreaTrouble`] when it is not there, is another one, or is not understood.
    pub async fn area(&self, task: &TaskId, digest: &AreaDigest) -> Result<Arc<Area>, AreaTrouble> {
        if let Some(area) = self.areas().get(digest) {
            return Ok(area);
        }
        let record = self.ledger().task(task).await?;
        let record = record.ok_or_else(|| AreaTrouble::NoTask(task.clone()))?;
        let area = Arc::new(self.fetch_area(task, &record, digest).await?);
        self.areas().keep(digest, &area);
        Ok(area)
    }

    async fn fetch_area(
        &self,
        task: &TaskId,
        record: &TaskRecord,
        digest: &AreaDigest,
    ) -> Result<Area, AreaTrouble> {
        let object = task.area_object(&record.output, digest);
        let limit = MAX_AREA_BYTES as u64;
        let bytes = self.objects().get(&object, false, limit).await?.bytes;
        let found = AreaDigest::of(&bytes);
        if found != *digest {
            return Err(AreaTrouble::Differs {
                object,
                found,
                named: digest.clone(),
            });
        }
        let text = String::from_utf8_lossy(&bytes);
        Ok(Area::from_canonical(&object.to_string(), &text)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::{ObjectStore, Topic, canned};
    use crate::ledger::Ledger;

    const TEXT: &str = r#"{"coordinates":[[[[7,50],[8,50],[8,51],[7,50]]]],"type":"MultiPolygon"}"#;

    /// A tracker of a task whose area is `text`.
    fn tracker(text: &'static str) -> (Tracker, canned::Log) {
        let header = json!({"Item": {
            "state": {"S": "RUNNING"}, "epoch": {"N": "1"}, "layout": {"N": "2"}, "cells": {"N": "2"},
            "shard_size": {"N": "2"}, "group_size": {"N": "1"}, "recipe": {"S": "probe"}, "digest": {"S": "d"},
            "manifest": {"S": "s3://out/m"}, "output": {"S": "s3://out/"}, "created_at": {"S": "then"},
            "message_key": {"S": "0".repeat(32)},
        }});
        let (client, _) = canned::client(move |_, _| canned::json(200, &header));
        let config = canned::config!(aws_sdk_dynamodb, client).build();
        let ledger = Ledger::new(aws_sdk_dynamodb::Client::from_conf(config), "table".into());
        let (client, log) = canned::client(move |_, _| {
            let length = text.len();
            let headers = vec![
                ("etag", "\"tag-2\"".into()),
                ("content-range", format!("bytes 0-{}/{length}", length - 1)),
                ("content-length", length.to_string()),
            ];
            (206, headers, text.as_bytes().to_vec())
        });
        let store = canned::config!(aws_sdk_s3, client).force_path_style(true);
        let (client, _) = canned::client(|_, _| (200, vec![], vec![]));
        let config = canned::config!(aws_sdk_sns, client).build();
        let topic = Topic::new(aws_sdk_sns::Client::from_conf(config), "arn".into());
        let tracker = Tracker::new(ledger, ObjectStore::new(store), topic, "w".into());
        (tracker, log)
    }

    #[tokio::test]
    async fn an_area_is_read_once_and_one_of_another_digest_is_refused() {
        let task = "t".parse().unwrap();
        let digest = AreaDigest::of(TEXT.as_bytes());
        let (tracker, log) = tracker(TEXT);
        for _ in 0..3 {
            let area = tracker.area(&task, &digest).await.unwrap();
            assert_eq!(area.digest(), &digest);
        }
        assert_eq!(log.requests().len(), 1);
        let other = AreaDigest::of(b"other");
        let error = tracker.area(&task, &other).await.unwrap_err();
        assert!(matches!(error, AreaTrouble::Differs { .. }), "{error}");
    }
}
