//! A plan carried out: manifest, task, shards and messages.
//!
//! After a crash anywhere, the same command can carry out every step again: the manifest is put if
//! absent, header and groups are created if absent, and a shard that is not marked as enqueued sends all
//! cells that are still pending in it.

use std::io::{BufRead, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tilefleet_common::aws::{Existing, ObjectError, Stored, Upload};
use tilefleet_common::domain::{
    Cell, CellMessage, GROUP_SIZE, Job, JobId, MessageKey, Recipe, S3Url, SHARD_SIZE, TaskId,
    ordinals_of_shard,
};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{self, NewTask};
use tilefleet_common::ledger::{
    Answer, CodecError, Item, Key, LedgerError, ShardRecord, TaskRecord, Write, attribute,
};
use tilefleet_common::tracker::{renew_submitter, rfc3339, submitter_until};

use super::area;
use super::plan::SubmitPlan;
use super::shard_reader::ShardReader;
use crate::cli::{MaxFailed, progress_bar};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, wake};

/// Shards that are sent at a time. Each has one open call: 16 calls of 10 ms send 16,000 cells a
/// second.
const SHARDS_AT_ONCE: usize = 16;
/// Seconds of a day.
const DAY_S: i64 = 24 * 3600;
/// Bytes of the manifest that are read at a time.
const CHUNK: usize = 1024 * 1024;

const TEMPLATE: &str =
    "submitting  {bar:30} {percent:>3} %  {pos} of {len} cells, {per_sec}, {eta} left";

/// The submit of one task.
pub(super) struct Submission {
    pub(super) fleet: FleetConnection,
    pub(super) task: TaskId,
    /// How many failed cells stop the task.
    pub(super) max_failed: Option<MaxFailed>,
    /// How many days the task is kept.
    pub(super) keep_days: u16,
}

impl Submission {
    /// Steps 1 to 3: puts the area, the manifest and the recipe, then creates the task. Returns the task's
    /// item, which another submit can have created.
    pub(super) async fn create(&self, plan: &mut SubmitPlan) -> Result<TaskRecord, ProducerError> {
        if let Some(area) = &plan.area {
            let object = self.task.area_object(&plan.output, area.digest());
            let objects = &self.fleet.clients.objects;
            area::put(objects, area, &object, plan.region.as_deref()).await?;
        }
        let manifest = plan
            .output
            .join(&format!("tilefleet/{}/manifest.ndjson", self.task));
        self.freeze(plan, &manifest).await?;
        fault::point(Point::Manifest);
        let now = Timestamp::now();
        let expires_at = now.as_second() + i64::from(self.keep_days) * DAY_S;
        if let Job::Raster(recipe) = &plan.job {
            self.put_recipe(recipe, expires_at).await?;
            fault::point(Point::Recipe);
        }
        let new = NewTask {
            task: self.task.clone(),
            cells: plan.cells,
            shard_size: SHARD_SIZE,
            group_size: GROUP_SIZE,
            manifest,
            job: plan.job.id(),
            scope: plan.scope.clone(),
            output: plan.output.clone(),
            region: plan.region.clone(),
            digest: plan.digest.to_string(),
            message_key: MessageKey::random(),
            max_failed: self.max_failed.map(|limit| limit.of(plan.cells)),
            created_at: rfc3339(now),
            submitter_until: submitter_until(),
            expires_at,
        };
        // The ledger refuses the write if another submit has created the task meanwhile. Then its
        // item counts.
        let item = self.write(&transition::create_header(&new)).await?;
        fault::point(Point::Task);
        Ok(TaskRecord::from_item(&item).map_err(unreadable(Key::Header(self.task.clone())))?)
    }

    /// Step 2. The recipe that exists already is the same, unless the user chose one id for two
    /// tasks.
    async fn put_recipe(&self, recipe: &Recipe, expires_at: i64) -> Result<(), ProducerError> {
        let ledger = &self.fleet.ledger;
        let create = transition::create_recipe(&self.task, recipe, Some(expires_at));
        let Answer::Refused(item) = ledger.write(&create).await? else {
            return Ok(());
        };
        let text = item
            .as_ref()
            .and_then(|item| item.get(attribute::RECIPE_TEXT));
        if text != Some(&recipe.canonical().into()) {
            return Err(ProducerError::Conflict {
                task: self.task.clone(),
            });
        }
        let keep = transition::keep_recipe(&self.task, recipe, expires_at);
        ledger.write(&keep).await?;
        Ok(())
    }

    /// Makes a write and returns the item as it is now, whether by this write or before it.
    async fn write(&self, write: &Write) -> Result<Item, ProducerError> {
        Ok(match self.fleet.ledger.write(write).await? {
            Answer::Applied(item) => item,
            Answer::Refused(item) => item.unwrap_or_default(),
        })
    }

    /// Puts the manifest, unless it exists.
    async fn freeze(&self, plan: &mut SubmitPlan, manifest: &S3Url) -> Result<(), ProducerError> {
        let objects = &self.fleet.clients.objects;
        let region = plan.region.clone();
        let mut upload = Upload::begin(
            objects,
            manifest,
            region.as_deref(),
            "application/x-ndjson",
            Existing::Keep,
        );
        let mut reader = plan.manifest()?;
        let mut chunk = Vec::with_capacity(CHUNK);
        loop {
            chunk.clear();
            reader
                .by_ref()
                .take(CHUNK as u64)
                .read_to_end(&mut chunk)
                .map_err(ProducerError::Spool)?;
            if chunk.is_empty() {
                break;
            }
            upload.write(&chunk).await?;
        }
        match upload.finish().await? {
            Stored::New { .. } => Ok(()),
            Stored::Kept => self.compare(plan, manifest).await,
        }
    }

    /// Compares a manifest that existed already with the plan. Under a derived id it is the plan's
    /// own, left by a submit that was interrupted. Under an id that the user chose it can be
    /// another one.
    async fn compare(&self, plan: &mut SubmitPlan, manifest: &S3Url) -> Result<(), ProducerError> {
        let foreign = || ProducerError::ForeignManifest {
            task: self.task.clone(),
            manifest: manifest.clone(),
        };
        let existing = match self
            .fleet
            .clients
            .objects
            .get(manifest, false, plan.bytes)
            .await
        {
            Ok(object) => object.bytes,
            Err(ObjectError::TooLarge { .. }) => return Err(foreign()),
            Err(error) => return Err(error.into()),
        };
        let mut rest = existing.as_ref();
        let mut reader = plan.manifest()?;
        loop {
            let chunk = reader.fill_buf().map_err(ProducerError::Spool)?;
            if chunk.is_empty() {
                return if rest.is_empty() {
                    Ok(())
                } else {
                    Err(foreign())
                };
            }
            rest = rest.strip_prefix(chunk).ok_or_else(foreign)?;
            let length = chunk.len();
            reader.consume(length);
        }
    }

    /// Steps 4 and 5: sends the messages of each shard, then marks the task as submitted. Returns
    /// how many messages were sent.
    pub(super) async fn send(
        &self,
        plan: &mut SubmitPlan,
        record: &TaskRecord,
    ) -> Result<u32, ProducerError> {
        // While it says so, no worker takes the submit over.
        tokio::select! {
            sent = Box::pin(self.send_shards(plan, record)) => sent,
            never = renew_submitter(&self.fleet.ledger, &self.task) => match never {},
        }
    }

    async fn send_shards(
        &self,
        plan: &mut SubmitPlan,
        record: &TaskRecord,
    ) -> Result<u32, ProducerError> {
        let bar = progress_bar(plan.cells.into(), TEMPLATE);
        let job = plan.job.id();
        let is_woken = AtomicBool::new(false);
        let cells = (record.cells, record.shard_size);
        let shards = ShardReader {
            lines: plan.manifest()?.lines(),
            shard: 0,
            cells,
        };
        // A group is created before its shards, in order; the shards are sent side by side.
        let sent = stream::iter(shards)
            .then(|shard| async {
                let (shard, cells) = shard?;
                self.create_group_of(record, shard).await?;
                Ok::<_, ProducerError>((shard, cells))
            })
            .map(|shard| async {
                let (shard, cells) = shard?;
                let ordinals = u64::try_from(cells.len()).unwrap_or_default();
                let sent = self.send_shard(record, &job, shard, cells).await?;
                bar.inc(ordinals);
                // Machines start while the other cells are sent.
                if !is_woken.swap(true, Ordering::Relaxed) {
                    wake(&self.fleet, record.cells).await;
                }
                Ok::<u32, ProducerError>(sent)
            })
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(
                0_u32,
                |sum, sent| async move { Ok(sum.saturating_add(sent)) },
            )
            .await?;
        // Nothing is left for another submit, or for a sweep.
        self.fleet
            .ledger
            .write(&transition::mark_submitted(
                &self.task,
                &rfc3339(Timestamp::now()),
            ))
            .await?;
        fault::point(Point::Submitted);
        bar.finish_and_clear();
        Ok(sent)
    }

    /// Creates the group of the shard, if this is its first one.
    async fn create_group_of(&self, record: &TaskRecord, shard: u32) -> Result<(), ProducerError> {
        let group = record.group_of(shard);
        let shards = record.shards_of(group);
        if shards.start == shard {
            self.write(&transition::create_group(
                &self.task,
                group,
                shards,
                record.expires_at,
            ))
            .await?;
            fault::point(Point::Group);
        }
        Ok(())
    }

    /// Creates the shard and sends its pending cells, unless they are sent already. Returns how
    /// many.
    async fn send_shard(
        &self,
        record: &TaskRecord,
        job: &JobId,
        shard: u32,
        cells: Vec<Cell>,
    ) -> Result<u32, ProducerError> {
        // Create the shard, unless an earlier submit has.
        let ordinals = ordinals_of_shard(shard, record.cells, record.shard_size);
        let create =
            transition::create_shard(&self.task, shard, ordinals.clone(), record.expires_at);
        let item = self.write(&create).await?;
        fault::point(Point::Shard);
        let existing = ShardRecord::from_item(&item).map_err(unreadable(create.key))?;
        if existing.enqueued {
            return Ok(0);
        }
        // Send its pending cells.
        let mut bodies = Vec::with_capacity(cells.len());
        for (ordinal, cell) in ordinals.zip(cells) {
            if !existing.pending.contains(&ordinal) {
                continue;
            }
            let (task, epoch) = (self.task.clone(), record.epoch);
            let message = CellMessage {
                layout: record.scope.layout(),
                task,
                shard,
                group: record.group_of(shard),
                ordinal,
                epoch,
                reopened: existing.reopened,
                resent: 0,
                expires_at: record.expires_at,
                signature: None,
                job: job.clone(),
                scope: record.scope.clone(),
                cell,
            };
            bodies.push(
                serde_json::to_string(&message.signed(&record.message_key))
                    .map_err(|error| ProducerError::Spool(error.into()))?,
            );
        }
        let sent = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
        self.fleet.queue.send(self.task.as_str(), bodies).await?;
        // The ledger refuses the mark if a retry has reopened cells meanwhile; the retry sends
        // them.
        self.fleet
            .ledger
            .write(&transition::mark_enqueued(
                &self.task,
                shard,
                existing.reopened,
            ))
            .await?;
        fault::point(Point::Enqueued);
        Ok(sent)
    }
}

fn unreadable(key: Key) -> impl FnOnce(CodecError) -> LedgerError {
    move |source| LedgerError::Item {
        key: key.to_string(),
        source,
    }
}
