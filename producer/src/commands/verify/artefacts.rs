//! What S3 says of the artefacts that a shard's cells claim to have.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tilefleet_common::aws::{Head, ObjectStore};
use tilefleet_common::dispatch::Shard;
use tilefleet_common::domain::S3Url;
use tilefleet_common::ledger::CellState;

use crate::error::ProducerError;

/// Artefacts that are requested at a time.
const HEADS_AT_ONCE: usize = 32;

/// What S3 says of each artefact of a cell by its location, which only one artefact of a cell has;
/// `None` where there is no object.
pub(super) type Heads = BTreeMap<String, Option<Head>>;

/// Sends a HEAD request for each artefact of each cell whose item says ok. Returns the answers by
/// ordinal.
pub(super) async fn head_artefacts(
    objects: &ObjectStore,
    shard: &Shard,
) -> Result<BTreeMap<u32, Heads>, ProducerError> {
    let mut claimed: Vec<(u32, &str, S3Url, Option<&str>)> = vec![];
    for (ordinal, cell) in &shard.cells {
        let item = shard.items.get(ordinal);
        let Some(item) = item.filter(|item| item.state == CellState::Ok) else {
            continue;
        };
        let Some(output) = &item.history.output else {
            continue;
        };
        for artefact in &item.history.artefacts {
            let address = artefact.address(output);
            claimed.push((
                *ordinal,
                &artefact.location,
                address,
                cell.region.as_deref(),
            ));
        }
    }
    stream::iter(claimed)
        .map(|(ordinal, location, address, region)| async move {
            let head = objects.head(&address, region).await?;
            Ok::<_, ProducerError>((ordinal, location.to_owned(), head))
        })
        .buffer_unordered(HEADS_AT_ONCE)
        .try_fold(
            BTreeMap::<u32, Heads>::new(),
            |mut all, (ordinal, location, head)| async move {
                all.entry(ordinal).or_default().insert(location, head);
                Ok(all)
            },
        )
        .await
}
