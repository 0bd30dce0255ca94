//! Where a raster is written: a file or an object. It is visible when it is published.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use indicatif::ProgressBar;
use tilefleet_common::aws::{ClosedUpload, HeaderLastUpload, ObjectStore};
use tilefleet_common::domain::S3Url;
use tilefleet_fuse::{Cancel, Cog, FileOutput, FuseError, Output, Prepared, Progress};
use tokio_util::sync::CancellationToken;

use super::summary::describe;
use crate::cell::{self, ObjectSource, Publication};

/// A raster that is complete and not visible yet.
#[derive(Debug)]
pub(super) enum Complete {
    /// A file and the bytes of its head.
    File(String, FileOutput, Vec<Bytes>),
    /// An object.
    Object(ClosedUpload),
}

impl Complete {
    /// Makes it visible.
    pub(super) async fn publish(self) -> anyhow::Result<()> {
        match self {
            Self::Object(upload) => {
                upload.publish().await?;
            }
            Self::File(path, output, head) => {
                blocking(move || output.publish(&head))
                    .await?
                    .with_context(|| cannot_write(&path))?;
            }
        }
        Ok(())
    }
}

fn cannot_write(path: &str) -> String {
    format!("{path} cannot be written; check the folder and its free space")
}

/// Fuses into the file at `path`.
pub(super) async fn to_file(
    path: &str,
    prepared: Prepared,
    sources: &[Arc<ObjectSource>],
    bar: &ProgressBar,
    token: &CancellationToken,
) -> anyhow::Result<(Cog, Complete)> {
    let output = FileOutput::create(Path::new(path)).with_context(|| cannot_write(path))?;
    let (output, cog) = fuse_into(output, prepared, bar, token).await?;
    let cog = cog.map_err(|error| match error {
        FuseError::Write { error } => anyhow::Error::new(error).context(cannot_write(path)),
        other => describe(other),
    })?;
    cell::verify(sources).await?;
    let head = cog.head.clone();
    Ok((cog, Complete::File(path.to_owned(), output, head)))
}

/// Fuses into the object at `url`.
pub(super) async fn to_object(
    url: &str,
    objects: &ObjectStore,
    prepared: Prepared,
    sources: &[Arc<ObjectSource>],
    bar: &ProgressBar,
    token: &CancellationToken,
) -> anyhow::Result<(Cog, Complete)> {
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
            let upload = publication.close(cog.head.clone()).await?;
            Ok((cog, Complete::Object(upload)))
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

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.context("the work panicked")
}
