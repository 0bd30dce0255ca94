//! The rasters of a shard's cells, as S3 has them.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tilefleet_common::aws::{Head, ObjectStore};
use tilefleet_common::domain::S3Url;
use tilefleet_common::ledger::CellState;

use crate::error::ProducerError;
use crate::fleet::Shard;

/// HEAD requests at a time.
const HEADS_AT_ONCE: usize = 32;

/// Sends a HEAD request for the raster of each cell whose item says ok. Returns the answers by
/// ordinal; `None` is a raster that does not exist.
pub(super) async fn head_rasters(
    objects: &ObjectStore,
    shard: &Shard,
) -> Result<BTreeMap<u32, Option<Head>>, ProducerError> {
    let claimed: Vec<(u32, S3Url, Option<&str>)> = shard
        .cells
        .iter()
        .filter_map(|(ordinal, cell)| {
            let item = shard
                .items
                .get(ordinal)
                .filter(|item| item.state == CellState::Ok)?;
            let output = item.story.output.as_deref()?.parse().ok()?;
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
