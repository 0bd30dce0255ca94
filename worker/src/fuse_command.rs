//! `worker fuse`: the fuse core on the command line, without queue or ledger.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tilefleet_common::aws::{Clients, HeaderLastUpload, ObjectStore, ReadOptions};
use tilefleet_common::domain::S3Url;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cell::{self, ObjectSource, Publication, WINDOW_BYTES, object_error};
use crate::cli::{FuseArgs, NamedBand};
use tilefleet_fuse::{
    self as fuse, Band, Cancel, Cog, FileOutput, FileSource, FuseError, Output, Prepared, Progress,
    Request,
};

/// The largest band in S3 that is read, in bytes.
const MAX_BAND_BYTES: u64 = 4 << 30;

/// Fuses the bands that the arguments name. SIGINT and SIGTERM end it within a tile or a request;
/// then nothing is left behind.
///
/// # Errors
/// What is wrong with a band or the output, with its name.
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

    // Open the bands one after the other.
    let (mut bands, mut sources) = (Vec::new(), Vec::new());
    for band in &args.bands {
        match objects.as_ref().filter(|_| is_remote(&band.place)) {
            None => bands.push(open_file(band)?),
            Some(objects) => {
                let opening = open_object(band, objects, args.request_payer, token);
                let opened = token.run_until_cancelled(opening).await;
                let source = opened.unwrap_or_else(|| Err(FuseError::Cancelled.into()))?;
                bands.push(source.band(&band.name, band.place.clone()));
                sources.push(source);
            }
        }
    }

    // Read their headers.
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let request = Request {
        bands,
        kernel: Arc::new(fuse::Stack::default()),
        crop: None,
        overviews: fuse::Overviews::Average,
        compression: args.compress,
        metadata: Vec::new(),
        scales: fuse::OutputScales::OfInputs,
        threads,
    };
    let cancel = Cancel::from(token.clone());
    let prepared = blocking(move || fuse::prepare(request, &cancel))
        .await?
        .map_err(describe)?;

    // Fuse them into the output.
    let bar = progress_bar(&args.output);
    let cog = match objects.filter(|_| is_remote(&args.output)) {
        Some(objects) => to_object(&args.output, &objects, prepared, &sources, &bar, token).await?,
        None => to_file(&args.output, prepared, &sources, &bar, token).await?,
    };
    bar.finish_and_clear();
    print_summary(&args.output, &cog);
    Ok(())
}

fn is_remote(place: &str) -> bool {
    place.starts_with("s3://")
}

fn open_file(band: &NamedBand) -> anyhow::Result<Band> {
    let NamedBand { name, place } = band;
    let source = FileSource::open(Path::new(place))
        .with_context(|| format!("band {name}: {place} cannot be read; check the path"))?;
    Ok(Band {
        name: name.clone(),
        source: place.clone(),
        bytes: Arc::new(source),
    })
}

async fn open_object(
    band: &NamedBand,
    objects: &ObjectStore,
    request_payer: bool,
    token: &CancellationToken,
) -> anyhow::Result<Arc<ObjectSource>> {
    let NamedBand { name, place } = band;
    let url: S3Url = place.parse().with_context(|| format!("band {name}"))?;
    let options = ReadOptions {
        request_payer,
        limit: MAX_BAND_BYTES,
        window: WINDOW_BYTES,
    };
    ObjectSource::open(objects, &url, options, token)
        .await
        .with_context(|| format!("band {name}"))
}

async fn to_file(
    path: &str,
    prepared: Prepared,
    sources: &[Arc<ObjectSource>],
    bar: &ProgressBar,
    token: &CancellationToken,
) -> anyhow::Result<Cog> {
    let cannot_write = || format!("{path} cannot be written; check the folder and its free space");
    let output = FileOutput::create(Path::new(path)).with_context(cannot_write)?;
    let (output, cog) = fuse_into(output, prepared, bar, token).await?;
    let cog = cog.map_err(|error| match error {
        FuseError::Write { error } => anyhow::Error::new(error).context(cannot_write()),
        other => describe(other),
    })?;
    cell::verify(sources).await?;
    let head = cog.head.clone();
    blocking(move || output.publish(&head))
        .await?
        .with_context(cannot_write)?;
    Ok(cog)
}

async fn to_object(
    url: &str,
    objects: &ObjectStore,
    prepared: Prepared,
    sources: &[Arc<ObjectSource>],
    bar: &ProgressBar,
    token: &CancellationToken,
) -> anyhow::Result<Cog> {
    let url: S3Url = url.parse()?;
    let upload = HeaderLastUpload::begin(objects, &url, None, "image/tiff");
    let (publication, body) = Publication::start(upload, token);
    let (body, cog) = fuse_into(body, prepared, bar, token).await?;
    // The body ends here: the upload waits for that.
    drop(body);
    let verified = match cog {
        Ok(cog) => cell::verify(sources)
            .await
            .map(|()| cog)
            .map_err(anyhow::Error::from),
        Err(FuseError::Write { .. }) => return Err(publication.error().await.into()),
        Err(error) => Err(describe(error)),
    };
    match verified {
        Ok(cog) => {
            publication.finish(cog.head.clone()).await?;
            Ok(cog)
        }
        Err(error) => {
            publication.abort().await;
            Err(error)
        }
    }
}

/// Fuses on threads of its own; returns the output beside the result.
async fn fuse_into<O: Output + 'static>(
    output: O,
    prepared: Prepared,
    bar: &ProgressBar,
    token: &CancellationToken,
) -> anyhow::Result<(O, Result<Cog, FuseError>)> {
    let (bar, cancel) = (bar.clone(), Cancel::from(token.clone()));
    blocking(move || {
        let progress = |progress: Progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        };
        let cog = prepared.run(&output, &progress, &cancel);
        (output, cog)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.context("the work panicked")
}

/// The error as the command prints it. For a failed read in S3 this is the error of S3.
fn describe(error: FuseError) -> anyhow::Error {
    match &error {
        FuseError::Read { input, error } => match object_error(error) {
            Some(cause) => anyhow::anyhow!("{input}: {cause}"),
            None => anyhow::anyhow!("{input} cannot be read: {error}; check the file and its disk"),
        },
        _ => error.into(),
    }
}

/// A progress bar on a terminal, nothing elsewhere.
fn progress_bar(name: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent:>3} % {elapsed_precise}");
    let bar = ProgressBar::with_draw_target(None, target).with_message(name.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print_summary(name: &str, cog: &Cog) {
    let head: u64 = cog.head.iter().map(|piece| piece.len() as u64).sum();
    println!(
        "{name}: {} x {}, {} band(s), {}, {}",
        cog.width,
        cog.height,
        cog.bands.len(),
        cog.crs,
        HumanBytes(head.saturating_add(cog.body_bytes)),
    );
}
