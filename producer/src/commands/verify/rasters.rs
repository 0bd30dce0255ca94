//! What S3 says of the rasters that a shard's cells claim to have.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tilefleet_common::aws::{Head, ObjectStore};
use tilefleet_common::domain::S3Url;
use tilefleet_common::ledger::CellState;

use crate::error::ProducerError;
use crate::fleet::Shard;

/// Rasters that are looked at side by side.
const HEADS_AT_ONCE: usize = 32;

/// What is there of each cell whose item says ok, by ordinal.
pub(super) async fn at_rasters(
    objects: &ObjectStore,
    shard: &Shard,
) -> Result<BTreeMap<u32, Option<Head>>, ProducerError> {
    let claimed: Vec<(u32, S3Url, Option<&str>)> = shard
        .cells
        .iter()
        .filter_map(|(ordinal, cell)| {
            let row = shard
                .rows
                .get(ordinal)
                .filter(|row| row.state == CellState::Ok)?;
            let output = row.story.output.as_deref()?.parse().ok()?;
            Some((*ordinal, output, cell.region.as_deref()))
        })
        .collect();
    stream::iter(claimed)
        .map(|(ordinal, output, region)| async move {
            Ok((ordinal, objects.head(&output, region).await?))
        })
        .buffer_unordered(HEADS_AT_ONCE)
        .try_collect()
        .await
}
