//! The rasters of a cell: one pass over the bands for each, and all of them visible at the end.

use std::sync::Arc;
use std::time::Instant;

use tilefleet_common::aws::ClosedUpload;
use tilefleet_common::domain::{Cell, RasterFile, Recipe, ResolvedRecipe, Role};
use tilefleet_common::ledger::transition::{BucketUse, Failure, Success};
use tokio_util::sync::CancellationToken;

use super::extent::{Extent, without_raster};
use super::pass::{Course, Made, Pass, Times};
use super::plan::RasterPlan;
use super::scales::Scales;
use crate::activity::{Activity, Phase};
use crate::cell::artefacts::Published;
use crate::cell::error::{CellError, or_cancelled};
use crate::cell::processor::{CellProcessor, milliseconds};
use crate::cell::publish::PublishError;

impl CellProcessor {
    /// Makes the rasters of `recipe` and publishes them; see [`CellProcessor::process`].
    ///
    /// None of them is visible before all are stored.
    pub(in crate::cell) async fn process_raster(
        &self,
        cell: &Cell,
        recipe: &Recipe,
        extent: &Extent,
        activity: &Arc<Activity>,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        // However this future ends, dropped ones included, its threads and its uploads stop.
        let cancel = CancellationToken::new();
        let _cancel_on_drop = cancel.clone().drop_guard();
        let stop = &self.shutdown.stop;

        // 1. Which bands these are, and what their numbers stand for.
        let clock = Instant::now();
        activity.enter(Phase::Fetching);
        let resolved = resolve(cell, recipe)?;
        let looking_up = Box::pin(self.scales(cell, &resolved, &cancel));
        let scales = or_cancelled(stop, lease_lost, looking_up).await??;
        let mut times = Times {
            fetch: clock.elapsed(),
            ..Times::default()
        };

        // 2. Make each raster.
        let (mut running, mut stored): (_, Vec<(String, ClosedUpload)>) = (None, vec![]);
        for file in &resolved.files {
            let location = cell.raster_location(recipe, file.name.as_deref(), &extent.scope);
            let plan = plan(recipe, &resolved, file, &scales)?;
            let pass = Pass {
                cell,
                bands: plan.bands(&resolved),
                plan,
                extent,
                metadata: metadata(cell, &scales),
                output: cell.output.join(&location),
                held: stored.iter().map(|(_, upload)| upload.held_bytes()).sum(),
            };
            let course = Course {
                activity,
                lease_lost,
                cancel: &cancel,
            };
            let making = Box::pin(self.make(pass, course, &mut running, &mut times));
            match making.await {
                Ok(Made::Raster(upload)) => stored.push((location, *upload)),
                Ok(Made::Nothing(why)) => {
                    abort(stored).await;
                    let (fetch_ms, fuse_ms) = (milliseconds(times.fetch), milliseconds(times.fuse));
                    return Ok(without_raster(cell, why, fetch_ms, fuse_ms));
                }
                Err(error) => {
                    abort(stored).await;
                    return Err(error);
                }
            }
        }

        // 3. Make them visible, one right after the other.
        let clock = Instant::now();
        activity.enter(Phase::Publishing);
        let running = running.unwrap_or_else(|| self.shutdown.start_cell());
        let publishing = Box::pin(self.publish(cell, stored));
        let published = or_cancelled(&running.abort, lease_lost, publishing).await??;
        self.known.set_used(BucketUse::Write, cell.output.bucket());
        running.complete();
        Ok(Success {
            output: cell.output.clone(),
            artefacts: published.into_artefacts(),
            without_raster: None,
            fetch_ms: milliseconds(times.fetch),
            fuse_ms: milliseconds(times.fuse),
            publish_ms: milliseconds(times.close + clock.elapsed()),
        })
    }

    async fn publish(
        &self,
        cell: &Cell,
        stored: Vec<(String, ClosedUpload)>,
    ) -> Result<Published, CellError> {
        let mut published = Published::new(cell);
        for (location, upload) in stored {
            let visible = upload.publish().await;
            let visible =
                visible.map_err(|error| self.not_published(&PublishError::Upload(error)))?;
            published.add(Role::Raster, location, visible);
        }
        Ok(published)
    }
}

/// The recipe for the sensor of the cell.
fn resolve(cell: &Cell, recipe: &Recipe) -> Result<ResolvedRecipe, CellError> {
    let Some(sensor) = cell.sensor() else {
        let cause = format!(
            "nothing says which sensor cell {} is of; name its files as the agency does",
            cell.id
        );
        return Err(not_usable(recipe, &cause));
    };
    let resolved = recipe.resolve(sensor);
    resolved.map_err(|error| not_usable(recipe, &error.to_string()))
}

fn plan(
    recipe: &Recipe,
    resolved: &ResolvedRecipe,
    file: &RasterFile,
    scales: &Scales,
) -> Result<RasterPlan, CellError> {
    let plan = RasterPlan::new(resolved, file, &scales.of_inputs(resolved));
    plan.map_err(|error| not_usable(recipe, &error.to_string()))
}

fn not_usable(recipe: &Recipe, cause: &str) -> CellError {
    CellError::Permanent(Failure {
        code: "recipe".into(),
        message: format!("recipe {} cannot be used: {cause}", recipe.name()),
    })
}

/// The metadata items of a raster: the cell, and what the stored numbers of the bands stand for.
fn metadata(cell: &Cell, scales: &Scales) -> Vec<(String, String)> {
    let item = |key: &str, value: String| (key.to_owned(), value);
    let mut items = vec![
        item("TILE", cell.id.tile.to_string()),
        item("DATE", cell.id.date.to_string()),
        item("ACQUISITION", cell.id.number.to_string()),
    ];
    items.extend(scales.metadata());
    items
}

async fn abort(stored: Vec<(String, ClosedUpload)>) {
    for (_, upload) in stored {
        upload.abort().await;
    }
}
