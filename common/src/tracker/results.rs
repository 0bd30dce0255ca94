//! The results of a task: a line of NDJSON for each cell.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use serde::Serialize;

use super::error::NoticeError;
use crate::aws::{Existing, ObjectStore, Upload};
use crate::domain::{Artefact, CellId, S3Url, TaskId};
use crate::ledger::{CellRecord, Ledger, NoRaster, ShardRecord, TaskRecord};

/// Shards read ahead while results are written.
const SHARDS_AT_ONCE: usize = 16;

/// A line of the results.
#[derive(Serialize)]
struct Line<'a> {
    cell: CellId,
    ordinal: u32,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a S3Url>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    artefacts: &'a [Artefact],
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
}

/// Writes what became of every cell, a line each in the manifest's order. The sets of the shards
/// decide; the cells' own items only add the details.
///
/// # Errors
/// [`NoticeError`] when the cells could not be read or the results could not be written.
pub(super) async fn write(
    ledger: &Ledger,
    objects: &ObjectStore,
    task: &TaskId,
    record: &TaskRecord,
    shards: &BTreeMap<u32, ShardRecord>,
    results: &S3Url,
) -> Result<(), NoticeError> {
    let region = record.region.as_deref();
    let mut upload = Upload::begin(
        objects,
        results,
        region,
        "application/x-ndjson",
        Existing::Replace,
    );
    let numbers: Vec<u32> = shards.keys().copied().collect();
    let read =
        stream::iter(numbers).map(|shard| async move { (shard, ledger.cells(task, shard).await) });
    let mut read = read.buffered(SHARDS_AT_ONCE);
    while let Some((shard, cells)) = read.next().await {
        let Some(sets) = shards.get(&shard) else {
            continue;
        };
        let mut lines = vec![];
        for (ordinal, cell) in &cells? {
            // All keys of the line are strings, so it always has a JSON form.
            if serde_json::to_writer(&mut lines, &line(*ordinal, cell, sets)).is_ok() {
                lines.push(b'\n');
            }
        }
        upload.write(&lines).await.map_err(NoticeError::Results)?;
    }
    upload.finish().await.map_err(NoticeError::Results)?;
    Ok(())
}

fn line<'a>(ordinal: u32, record: &'a CellRecord, shard: &ShardRecord) -> Line<'a> {
    let history = &record.history;
    let failed = shard.failed.contains(&ordinal);
    let pending = shard.pending.contains(&ordinal);
    let without = shard.without_raster(ordinal);
    let ok = !failed && !pending && without.is_none();
    Line {
        cell: record.cell,
        ordinal,
        state: if failed {
            "failed"
        } else if pending {
            "pending"
        } else {
            without.map_or("ok", NoRaster::name)
        },
        output: history.output.as_ref().filter(|_| ok),
        artefacts: if ok { &history.artefacts } else { &[] },
        error_code: history.error_code.as_deref().filter(|_| failed),
        error_message: history.error_message.as_deref().filter(|_| failed),
    }
}
