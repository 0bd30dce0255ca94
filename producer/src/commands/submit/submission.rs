//! `submit`: a plan into the ledger and the queue.
//!
//! Every step may be done again, by the same command after a crash anywhere: the manifest is put if
//! absent, the task is created if absent, and a shard that is not marked as enqueued sends whatever
//! of it is still pending.

use std::collections::BTreeMap;
use std::io::{BufRead, Lines, Read as _};
use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::aws::{Existing, ObjectError, Stored, Upload};
use tilefleet_common::domain::{
    Cell, CellMessage, Job, JobId, Recipe, S3Url, SHARD_SIZE, TaskId, ordinals_of_shard,
};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{self, NewTask};
use tilefleet_common::ledger::{
    Answer, CodecError, Item, Key, Ledger, LedgerError, Progress, ShardRecord, TaskRecord,
    TaskState, Write, attribute,
};
use tilefleet_common::tracker::rfc3339;

use super::plan::Plan;
use crate::cli::{Exit, Format, Global, Output, Submit, note, output};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, Shards, wake};

/// Shards on their way at a time. Each has one call open: 16 calls of 10 ms carry 16,000 cells a
/// second.
const SHARDS_AT_ONCE: usize = 16;
/// Bytes of the manifest that are read at a time.
const CHUNK: usize = 1024 * 1024;

const TEMPLATE: &str =
    "submitting  {bar:30} {percent:>3} %  {pos} of {len} cells, {per_sec}, {eta} left";

/// Submits what the input asks for, or completes a submission that was interrupted.
pub(crate) async fn run(
    arguments: &Submit,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let mut plan = Plan::make(arguments, fleet.clients.objects.clone()).await?;
    let started = Instant::now();
    // A queue or table that is not there is found out before anything exists.
    fleet.queue.visibility_timeout().await?;
    let (task, found) = choose_task(arguments, &fleet.ledger, &plan).await?;
    let submission = Submission {
        fleet,
        task,
        started,
        skipped: plan.skipped,
    };
    let record = match found {
        Some(record) => record,
        None => submission.create(&mut plan).await?,
    };
    if record.digest != plan.digest.to_string() {
        return Err(ProducerError::Conflict {
            task: submission.task,
        });
    }
    if record.submitted_at.is_some() || record.state == TaskState::Cancelled {
        submission.tell_already(&record, output, global).await?;
        return Ok(Exit::Ok);
    }
    match submission.send(&mut plan, &record).await {
        Ok(sent) => {
            wake::run(&submission.fleet, record.cells).await;
            submission.tell_sent(&record, sent, output, global)?;
        }
        Err(cause) => {
            return Err(ProducerError::Unfinished {
                task: submission.task,
                cause: Box::new(cause),
            });
        }
    }
    Ok(Exit::Ok)
}

/// The task's id, and its item if there is one.
///
/// `--again` takes the first run that does not exist, or whose submission has not come to its end:
/// so it, too, is completed by the same command again.
async fn choose_task(
    arguments: &Submit,
    ledger: &Ledger,
    plan: &Plan,
) -> Result<(TaskId, Option<TaskRecord>), ProducerError> {
    let base = arguments
        .task_id
        .clone()
        .unwrap_or_else(|| TaskId::of_content(&plan.job.id(), &plan.digest));
    let mut task = base.clone();
    let mut run = 1;
    loop {
        let found = ledger.task(&task).await?;
        let resumes = |record: &TaskRecord| {
            record.submitted_at.is_none()
                && record.state == TaskState::Running
                && record.digest == plan.digest.to_string()
        };
        if !arguments.again || found.as_ref().is_none_or(resumes) {
            return Ok((task, found));
        }
        run += 1;
        let next = base.again(run);
        task = next
            .as_str()
            .parse()
            .map_err(|_| ProducerError::TaskIdTooLong { task: base.clone() })?;
    }
}

struct Submission {
    fleet: FleetConnection,
    task: TaskId,
    started: Instant,
    skipped: u32,
}

impl Submission {
    /// Steps 1 to 3: the frozen cell list, the recipe, then the task. Returns the task's item, which
    /// another submit may have created.
    async fn create(&self, plan: &mut Plan) -> Result<TaskRecord, ProducerError> {
        let manifest = plan
            .output
            .join(&format!("tilefleet/{}/manifest.ndjson", self.task));
        self.freeze(plan, &manifest).await?;
        fault::point(Point::Manifest);
        if let Job::Raster(recipe) = &plan.job {
            self.put_recipe(recipe).await?;
            fault::point(Point::Recipe);
        }
        let new = NewTask {
            task: self.task.clone(),
            cells: plan.cells,
            shard_size: SHARD_SIZE,
            manifest,
            job: plan.job.id(),
            output: plan.output.clone(),
            region: plan.region.clone(),
            digest: plan.digest.to_string(),
            created_at: rfc3339(Timestamp::now()),
        };
        // Refused: somebody else created it meanwhile. What counts is what is there.
        let item = self.write(&transition::create_task(&new)).await?;
        fault::point(Point::Task);
        Ok(TaskRecord::from_item(&item).map_err(unreadable(Key::Task(self.task.clone())))?)
    }

    /// Step 2. The recipe that is there already is the same, unless somebody chose the task's id and
    /// gave it to two tasks.
    async fn put_recipe(&self, recipe: &Recipe) -> Result<(), ProducerError> {
        let item = self
            .write(&transition::create_recipe(&self.task, recipe))
            .await?;
        if item.get(attribute::RECIPE_TEXT) == Some(&recipe.canonical().into()) {
            Ok(())
        } else {
            Err(ProducerError::Conflict {
                task: self.task.clone(),
            })
        }
    }

    /// Makes a write and answers with the item as it is now, whether by this write or before it.
    async fn write(&self, write: &Write) -> Result<Item, ProducerError> {
        Ok(match self.fleet.ledger.write(write).await? {
            Answer::Applied(item) => item,
            Answer::Refused(item) => item.unwrap_or_default(),
        })
    }

    async fn freeze(&self, plan: &mut Plan, manifest: &S3Url) -> Result<(), ProducerError> {
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

    /// Holds a manifest that was there already against the plan. One of a derived id is the plan's
    /// own, left by a submit that was interrupted; under an id that somebody chose there may be
    /// anything.
    async fn compare(&self, plan: &mut Plan, manifest: &S3Url) -> Result<(), ProducerError> {
        let foreign = || ProducerError::ForeignManifest {
            task: self.task.clone(),
            manifest: manifest.clone(),
        };
        let there = match self
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
        let mut rest = there.as_ref();
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

    /// Steps 4 and 5: the shards with their messages, then the mark that all of them are there.
    /// Answers how many messages were sent.
    async fn send(&self, plan: &mut Plan, record: &TaskRecord) -> Result<u32, ProducerError> {
        let bar = output::bar(plan.cells.into(), TEMPLATE);
        let job = plan.job.id();
        let cells = (record.cells, record.shard_size);
        let shards = ShardReader {
            lines: plan.manifest()?.lines(),
            shard: 0,
            cells,
        };
        let sent = stream::iter(shards)
            .map(|shard| async {
                let (shard, cells) = shard?;
                let ordinals = u64::try_from(cells.len()).unwrap_or_default();
                let sent = self.send_shard(record, &job, shard, cells).await?;
                bar.inc(ordinals);
                Ok::<u32, ProducerError>(sent)
            })
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(
                0_u32,
                |sum, sent| async move { Ok(sum.saturating_add(sent)) },
            )
            .await?;
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

    async fn send_shard(
        &self,
        record: &TaskRecord,
        job: &JobId,
        shard: u32,
        cells: Vec<Cell>,
    ) -> Result<u32, ProducerError> {
        let ordinals = ordinals_of_shard(shard, record.cells, record.shard_size);
        let create = transition::create_shard(&self.task, shard, ordinals.clone());
        let item = self.write(&create).await?;
        fault::point(Point::Shard);
        let there = ShardRecord::from_item(&item).map_err(unreadable(create.key))?;
        if there.enqueued {
            return Ok(0);
        }
        let mut bodies = Vec::with_capacity(cells.len());
        for (ordinal, cell) in ordinals.zip(cells) {
            if !there.pending.contains(&ordinal) {
                continue;
            }
            let (task, epoch) = (self.task.clone(), record.epoch);
            let message = CellMessage {
                task,
                shard,
                ordinal,
                epoch,
                job: job.clone(),
                cell,
            };
            bodies.push(
                serde_json::to_string(&message)
                    .map_err(|error| ProducerError::Spool(error.into()))?,
            );
        }
        let sent = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
        self.fleet.queue.send(bodies).await?;
        // Refused when a retry has reopened cells meanwhile, which it sends itself.
        self.fleet
            .ledger
            .write(&transition::mark_enqueued(
                &self.task,
                shard,
                there.reopened,
            ))
            .await?;
        fault::point(Point::Enqueued);
        Ok(sent)
    }

    fn report(&self, record: &TaskRecord, submitted: Option<u32>) -> Report {
        Report {
            task: self.task.clone(),
            state: record.state,
            cells: record.cells,
            submitted: submitted.unwrap_or(0),
            skipped: self.skipped,
            already: submitted.is_none(),
            manifest: record.manifest.clone(),
            seconds: self.started.elapsed().as_secs_f64(),
            calls: self.fleet.clients.calls.counts(),
        }
    }

    fn tell_sent(
        &self,
        record: &TaskRecord,
        sent: u32,
        output: &mut Output,
        global: &Global,
    ) -> Result<(), ProducerError> {
        let report = self.report(record, Some(sent));
        if output.format == Format::Table {
            let Report {
                task,
                cells,
                seconds,
                ..
            } = &report;
            let pace = f64::from(sent) / seconds.max(0.001);
            output.line(&format!(
                "task {task}: {cells} cells, {sent} messages sent in {seconds:.1} s ({pace:.0} cells/s)"
            ))?;
        } else {
            output.json(&report)?;
        }
        output.flush()?;
        report.tell_more(global);
        Ok(())
    }

    async fn tell_already(
        &self,
        record: &TaskRecord,
        output: &mut Output,
        global: &Global,
    ) -> Result<(), ProducerError> {
        let report = self.report(record, None);
        if output.format == Format::Table {
            let progress = Shards::default()
                .count(&self.fleet.ledger, &self.task, record)
                .await?;
            output.line(&already(&self.task, record.state, progress))?;
        } else {
            output.json(&report)?;
        }
        output.flush()?;
        report.tell_more(global);
        Ok(())
    }
}

fn already(task: &TaskId, state: TaskState, progress: Progress) -> String {
    let Progress {
        ok,
        failed,
        remaining,
        ..
    } = progress;
    match state {
        TaskState::Complete => format!("task {task} is already complete: {ok} ok, {failed} failed"),
        TaskState::Running => {
            format!(
                "task {task} is already submitted and running: {ok} ok, {failed} failed, {remaining} remaining"
            )
        }
        TaskState::Cancelled => {
            format!(
                "task {task} was cancelled: {ok} ok, {failed} failed, {remaining} left; producer resume {task} lets it run again, --again makes another task of its cells"
            )
        }
    }
}

fn unreadable(key: Key) -> impl FnOnce(CodecError) -> LedgerError {
    move |source| LedgerError::Item {
        key: key.to_string(),
        source,
    }
}

/// What `submit` tells.
#[derive(Debug, Serialize)]
struct Report {
    task: TaskId,
    state: TaskState,
    cells: u32,
    /// Cells sent by this submit.
    submitted: u32,
    /// Repeated cells of the input that were dropped.
    skipped: u32,
    /// Whether there was nothing left to submit.
    already: bool,
    manifest: S3Url,
    seconds: f64,
    /// AWS calls by operation, retries included.
    calls: BTreeMap<String, u64>,
}

impl Report {
    fn tell_more(&self, global: &Global) {
        if self.skipped > 0 {
            note(&format!("repeated cells skipped: {}", self.skipped));
        }
        if !global.verbose {
            return;
        }
        note(&format!("manifest {}", self.manifest));
        for (operation, count) in &self.calls {
            note(&format!("{count:>8} {operation}"));
        }
        if self.submitted > 0 {
            let total = self
                .calls
                .values()
                .fold(0_u64, |sum, count| sum.saturating_add(*count));
            let tenths = total.saturating_mul(10_000) / u64::from(self.submitted);
            note(&format!(
                "{}.{} calls per 1,000 cells",
                tenths / 10,
                tenths % 10
            ));
        }
    }
}

/// The shards of a manifest, one after the other.
struct ShardReader<R> {
    lines: Lines<R>,
    shard: u32,
    /// Cells of the task, and of a shard.
    cells: (u32, u32),
}

impl<R: BufRead> Iterator for ShardReader<R> {
    type Item = Result<(u32, Vec<Cell>), ProducerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let shard = self.shard;
        let ordinals = ordinals_of_shard(shard, self.cells.0, self.cells.1);
        if ordinals.is_empty() {
            return None;
        }
        self.shard += 1;
        let cells: Result<Vec<Cell>, ProducerError> = self
            .lines
            .by_ref()
            .take(ordinals.len())
            .map(|line| {
                let line = line.map_err(ProducerError::Spool)?;
                serde_json::from_str(&line).map_err(|error| ProducerError::Spool(error.into()))
            })
            .collect();
        Some(cells.map(|cells| (shard, cells)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_cut_as_the_ledger_numbers_them() {
        let line = r#"{"cell":"48RXT/2020-08-01/0","assets":{},"output":"s3://my-bucket/"}"#;
        let manifest = format!("{line}\n").repeat(5);
        let shards = ShardReader {
            lines: manifest.as_bytes().lines(),
            shard: 0,
            cells: (5, 2),
        };
        let cut: Vec<(u32, usize)> = shards
            .map(|shard| shard.map(|(shard, cells)| (shard, cells.len())).unwrap())
            .collect();
        assert_eq!(cut, [(0, 2), (1, 2), (2, 1)]);
    }

    #[test]
    fn a_task_that_is_there_already_says_how_it_is() {
        let progress = Progress {
            cells: 6,
            ok: 3,
            failed: 1,
            remaining: 2,
        };
        let task = "rgb-1".parse().unwrap();
        assert_eq!(
            already(&task, TaskState::Complete, progress),
            "task rgb-1 is already complete: 3 ok, 1 failed"
        );
        assert_eq!(
            already(&task, TaskState::Running, progress),
            "task rgb-1 is already submitted and running: 3 ok, 1 failed, 2 remaining"
        );
    }
}
