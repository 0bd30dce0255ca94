//! `worker fuse`: the fuse core on the command line, without queue or ledger.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tilefleet_common::aws::{Clients, HeaderLastUpload, ObjectReader, ObjectStore, ReadOptions};
use tilefleet_common::domain::S3Url;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::{FuseArgs, NamedBand};
use crate::fuse::{
    self, Band, Cancel, Cog, FileOutput, FileSource, FuseError, Output, Prepared, Progress, Request,
};
use crate::input::{self, ObjectSource};
use crate::publication::Publication;

/// Bytes of a band in S3, at most.
const BAND_BYTES: u64 = 4 << 30;
/// Bytes of a band in S3 that are in memory or on their way at a time.
const WINDOW: u64 = 24 << 20;

/// Fuses what the arguments say. SIGINT and SIGTERM end it within a tile or a request; then nothing
/// is left behind.
///
/// # Errors
/// Whatever is wrong with a band or the output, with the name of it.
pub async fn run(args: FuseArgs) -> anyhow::Result<()> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let work = Box::pin(convert(args, &token));
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        _ = interrupt.recv() => token.cancel(),
        _ = terminate.recv() => token.cancel(),
    }
    // Whatever step was cut short words it its own way.
    work.await
        .context("stopped by a signal; nothing was written")
}

async fn convert(args: FuseArgs, token: &CancellationToken) -> anyhow::Result<()> {
    let is_remote = |place: &str| place.starts_with("s3://");
    let remote = args.bands.iter().any(|band| is_remote(&band.place)) || is_remote(&args.output);
    let objects = if remote {
        Some(Clients::from_environment(None).await.objects)
    } else {
        None
    };

    let (mut bands, mut sources) = (Vec::new(), Vec::new());
    for band in &args.bands {
        match objects.as_ref().filter(|_| is_remote(&band.place)) {
            None => bands.push(open_file(band)?),
            Some(objects) => {
                let opening = open_object(band, objects, args.request_payer, token);
                let opened = token.run_until_cancelled(opening).await;
                let (band, source) = opened.unwrap_or_else(|| Err(FuseError::Cancelled.into()))?;
                bands.push(band);
                sources.push(source);
            }
        }
    }
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let request = Request {
        bands,
        kernel: Arc::new(fuse::Stack),
        overviews: fuse::Overviews::Average,
        compression: args.compress,
        metadata: Vec::new(),
        threads,
    };
    let cancel = Cancel::from(token.clone());
    let preparing = tokio::task::spawn_blocking(move || fuse::prepare(request, &cancel));
    let prepared = preparing
        .await
        .context("the work panicked")?
        .map_err(told)?;

    let bar = bar(&args.output);
    let cog = match objects.filter(|_| is_remote(&args.output)) {
        Some(objects) => to_object(&args.output, &objects, prepared, &sources, &bar, token).await?,
        None => to_file(&args.output, prepared, &sources, &bar, token).await?,
    };
    bar.finish_and_clear();
    summary(&args.output, &cog);
    Ok(())
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
) -> anyhow::Result<(Band, Arc<ObjectSource>)> {
    let NamedBand { name, place } = band;
    let url: S3Url = place.parse().with_context(|| format!("band {name}"))?;
    let options = ReadOptions {
        request_payer,
        limit: BAND_BYTES,
        window: WINDOW,
    };
    let reader = ObjectReader::open(objects, &url, options)
        .await
        .with_context(|| format!("band {name}"))?;
    let source = Arc::new(ObjectSource::new(reader, Handle::current(), token.clone()));
    let bytes: Arc<dyn fuse::Source> = Arc::<ObjectSource>::clone(&source);
    Ok((
        Band {
            name: name.clone(),
            source: place.clone(),
            bytes,
        },
        source,
    ))
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
        other => told(other),
    })?;
    verify(sources).await?;
    let head = cog.head.clone();
    let publishing = tokio::task::spawn_blocking(move || output.publish(&head));
    publishing
        .await
        .context("the work panicked")?
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
    let (publication, body) = Publication::begin(upload, token);
    let (body, cog) = fuse_into(body, prepared, bar, token).await?;
    // Tells the upload that nothing more comes.
    drop(body);
    let verified = match cog {
        Ok(cog) => verify(sources).await.map(|()| cog),
        Err(FuseError::Write { .. }) => return Err(publication.cause().await.into()),
        Err(error) => Err(told(error)),
    };
    match verified {
        Ok(cog) => {
            publication.finish(cog.head.clone()).await?;
            Ok(cog)
        }
        Err(error) => {
            publication.give_up().await;
            Err(error)
        }
    }
}

/// Runs the fusion on threads of its own and gives the output back.
async fn fuse_into<O: Output + 'static>(
    output: O,
    prepared: Prepared,
    bar: &ProgressBar,
    token: &CancellationToken,
) -> anyhow::Result<(O, Result<Cog, FuseError>)> {
    let (bar, cancel) = (bar.clone(), Cancel::from(token.clone()));
    let fusing = tokio::task::spawn_blocking(move || {
        let progress = |progress: Progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        };
        let cog = prepared.run(&output, &progress, &cancel);
        (output, cog)
    });
    fusing.await.context("the work panicked")
}

/// Holds every object against its digest, where there is one.
async fn verify(sources: &[Arc<ObjectSource>]) -> anyhow::Result<()> {
    for source in sources {
        source.reader().verify().await?;
    }
    Ok(())
}

/// Where reading an object failed, S3 tells the whole story.
fn told(error: FuseError) -> anyhow::Error {
    match &error {
        FuseError::Read { input, error } => match input::object_error(error) {
            Some(cause) => anyhow::anyhow!("{input}: {cause}"),
            None => anyhow::anyhow!("{input} cannot be read: {error}; check the file and its disk"),
        },
        _ => error.into(),
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(name: &str) -> ProgressBar {
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
fn summary(name: &str, cog: &Cog) {
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
