//! Makes the rasters that the arguments ask for.

use std::sync::Arc;

use anyhow::Context as _;
use tilefleet_common::aws::{Clients, ObjectStore};
use tilefleet_common::domain::Scope;
use tilefleet_fuse::{self as fuse, Cancel, Request};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::input::{Inputs, is_remote};
use super::rasters::{self, Raster};
use super::summary::{describe, print_summary, progress_bar};
use super::target::{self, Complete, blocking};
use crate::cell::Extent;
use crate::cli::FuseArgs;

/// Fuses the bands that the arguments name. SIGINT and SIGTERM end it within a tile or a request;
/// then nothing is left behind.
///
/// # Errors
/// What is wrong with a band, the recipe, the area or the output, with its name.
pub async fn run(args: FuseArgs) -> anyhow::Result<()> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let work = Box::pin(fuse(args, &token));
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        _ = interrupt.recv() => token.cancel(),
        _ = terminate.recv() => token.cancel(),
    }
    // Each step words a cancellation its own way.
    work.await
        .context("stopped by a signal; nothing was written")
}

async fn fuse(args: FuseArgs, token: &CancellationToken) -> anyhow::Result<()> {
    // Clients are built only for addresses in S3: local files need no region and no credentials.
    let places = args.bands.iter().map(|band| &band.place);
    let objects = if places.chain([&args.output]).any(|place| is_remote(place)) {
        Some(Clients::from_environment(None).await.objects)
    } else {
        None
    };
    let extent = Extent {
        scope: Scope::default(),
        area: args.area.area()?.map(Arc::new),
    };

    // One pass for each raster; none of them is visible before all are complete.
    let rasters = rasters::of_args(&args, objects.as_ref()).await?;
    let mut made = vec![];
    for raster in rasters {
        made.push(make(&args, raster, &extent, objects.as_ref(), token).await?);
    }
    for (output, cog, complete) in made {
        complete.publish().await?;
        print_summary(&output, &cog);
    }
    Ok(())
}

async fn make(
    args: &FuseArgs,
    raster: Raster,
    extent: &Extent,
    objects: Option<&ObjectStore>,
    token: &CancellationToken,
) -> anyhow::Result<(String, fuse::Cog, Complete)> {
    let inputs = Inputs {
        objects,
        request_payer: args.request_payer,
        token,
    };
    let (bands, sources) = inputs.open(&raster.bands).await?;

    // Read the headers of the bands, and cut the grid to the area.
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let request = Request {
        bands,
        kernel: raster.kernel(extent)?,
        crop: None,
        overviews: raster.overviews(),
        compression: args.compress,
        metadata: raster.metadata.clone(),
        scales: raster.scales(),
        threads,
    };
    let (cancel, extent) = (Cancel::from(token.clone()), extent.clone());
    let plan = raster.plan;
    let prepared = blocking(move || {
        let prepared = fuse::prepare(request, &cancel)?;
        match plan {
            Some(plan) => Ok(extent.cut(prepared, &plan)?.map(|(prepared, _)| prepared)),
            None => Ok(Some(prepared)),
        }
    });
    let prepared = prepared.await?.map_err(describe)?;
    let prepared = prepared.context("the area has no centre of a pixel of the bands; check --clip or --bbox, or pass --all-touched")?;

    // Fuse them into the output.
    let output = raster.output;
    let bar = progress_bar(&output);
    let (cog, complete) = match objects.filter(|_| is_remote(&output)) {
        Some(objects) => {
            target::to_object(&output, objects, prepared, &sources, &bar, token).await?
        }
        None => target::to_file(&output, prepared, &sources, &bar, token).await?,
    };
    bar.finish_and_clear();
    Ok((output, cog, complete))
}
