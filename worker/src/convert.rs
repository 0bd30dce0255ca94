//! `worker fuse`: the fuse core on the command line, without queue or ledger.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::{FuseArgs, NamedBand};
use crate::fuse::{self, Band, Cancel, Cog, FileOutput, FileSource, FuseError, Progress, Request};

/// Fuses what the arguments say. SIGINT and SIGTERM end it within a tile; then nothing is left behind.
///
/// # Errors
/// Whatever is wrong with a band or the output, with the name of it.
pub async fn run(args: FuseArgs) -> anyhow::Result<()> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancel = Cancel::from(token.clone());
    // Dropped with this future, it tells the thread.
    let guard = token.clone().drop_guard();
    let work = tokio::task::spawn_blocking(move || local(&args, &cancel));
    tokio::pin!(work);
    let done = tokio::select! {
        done = &mut work => done,
        _ = interrupt.recv() => stopped(&token, work).await,
        _ = terminate.recv() => stopped(&token, work).await,
    };
    drop(guard);
    done.context("the work panicked")?
}

/// Tells the thread and waits for it to clean up.
async fn stopped<T>(token: &CancellationToken, work: impl Future<Output = T>) -> T {
    token.cancel();
    work.await
}

fn local(args: &FuseArgs, cancel: &Cancel) -> anyhow::Result<()> {
    let bands = args.bands.iter().map(open).collect::<anyhow::Result<Vec<_>>>()?;
    let threads =
        args.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let request = Request { bands, compression: args.compress, metadata: Vec::new(), threads };
    let prepared = fuse::prepare(request, cancel)?;
    let path = Path::new(&args.output);
    let cannot_write = || format!("{} cannot be written; check the folder and its free space", args.output);
    let output = FileOutput::create(path).with_context(cannot_write)?;
    let bar = bar(&args.output);
    let progress = |progress: Progress| {
        bar.set_length(progress.total);
        // Threads report in any order.
        bar.update(|state| state.set_pos(state.pos().max(progress.done)));
    };
    let cog = prepared.run(&output, &progress, cancel).map_err(|error| match error {
        FuseError::Write { error } => anyhow::Error::new(error).context(cannot_write()),
        other => other.into(),
    })?;
    output.publish(&cog.head).with_context(cannot_write)?;
    bar.finish_and_clear();
    summary(&args.output, &cog);
    Ok(())
}

fn open(band: &NamedBand) -> anyhow::Result<Band> {
    let NamedBand { name, place } = band;
    if place.starts_with("s3://") {
        bail!("band {name}: {place} is an S3 object, which this build does not read; copy it here first");
    }
    let source = FileSource::open(Path::new(place))
        .with_context(|| format!("band {name}: {place} cannot be read; check the path"))?;
    Ok(Band { name: name.clone(), source: place.clone(), bytes: Arc::new(source) })
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
