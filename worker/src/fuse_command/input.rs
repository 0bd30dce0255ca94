//! The bands that the arguments name, as files and objects.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tilefleet_common::aws::{ObjectStore, ReadOptions};
use tilefleet_common::domain::S3Url;
use tilefleet_fuse::{Band, FileSource, FuseError};
use tokio_util::sync::CancellationToken;

use crate::cell::{ObjectSource, WINDOW_BYTES};
use crate::cli::NamedBand;

/// The largest band in S3 that is read, in bytes.
const MAX_BAND_BYTES: u64 = 4 << 30;

/// Where bands are opened.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    /// S3, if there are addresses in S3.
    pub(super) objects: Option<&'a ObjectStore>,
    pub(super) request_payer: bool,
    pub(super) token: &'a CancellationToken,
}

/// Whether a place is an address in S3.
pub(super) fn is_remote(place: &str) -> bool {
    place.starts_with("s3://")
}

impl Inputs<'_> {
    /// Opens bands one after the other. Returns those in S3 beside them, to be verified at the end.
    pub(super) async fn open(
        &self,
        named: &[NamedBand],
    ) -> anyhow::Result<(Vec<Band>, Vec<Arc<ObjectSource>>)> {
        let (mut bands, mut sources) = (Vec::new(), Vec::new());
        for band in named {
            match self.objects.filter(|_| is_remote(&band.place)) {
                None => bands.push(open_file(band)?),
                Some(objects) => {
                    let opened = self.token.run_until_cancelled(self.object(band, objects));
                    let opened = opened.await;
                    let source = opened.unwrap_or_else(|| Err(FuseError::Cancelled.into()))?;
                    bands.push(source.band(&band.name, band.place.clone()));
                    sources.push(source);
                }
            }
        }
        Ok((bands, sources))
    }

    async fn object(
        &self,
        band: &NamedBand,
        objects: &ObjectStore,
    ) -> anyhow::Result<Arc<ObjectSource>> {
        let NamedBand { name, place } = band;
        let url: S3Url = place.parse().with_context(|| format!("band {name}"))?;
        let options = ReadOptions {
            request_payer: self.request_payer,
            limit: MAX_BAND_BYTES,
            window: WINDOW_BYTES,
        };
        ObjectSource::open(objects, &url, options, self.token)
            .await
            .with_context(|| format!("band {name}"))
    }
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
