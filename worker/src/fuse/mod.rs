//! The fuse core: single-band JP2 files in, one cloud-optimised `GeoTIFF` out.
//!
//! It knows no AWS, no queue and no async runtime: bytes come in, bytes go out, on the calling thread, which is blocked
//! for as long as it takes. The steps follow one another and meet in small types, so that each can be replaced:
//!
//! 1. [`inspect`] reads the headers and proves the file complete, without decoding ([`Header`]);
//! 2. `decode` turns a band into blocks of samples, with GDAL and `OpenJPEG`;
//! 3. `assemble` puts the blocks side by side, and adds statistics and overviews;
//! 4. `write` makes the COG.
//!
//! Whatever is wrong with a band fails the whole cell with a [`FuseError`] that names the band: an output with a hole
//! looks like one with clouds, and nobody would notice. What is not noticed here is damage inside a packet: JPEG 2000 as
//! Sentinel-2 uses it has no checksums, and `OpenJPEG` decodes wrong bits to wrong samples without a word. The download
//! has to be verified against the checksum of the object, where there is one.

mod assemble;
mod cancel;
#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "takes over from `assemble` and `write` with the next step"
)]
mod cog;
mod decode;
mod error;
mod georeference;
mod header;
mod jp2;
mod memory;
mod output;
mod overviews;
mod scratch;
mod session;
mod sniff;
mod statistics;
mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use assemble::Canvas;
use decode::Sample;
use georeference::Georeference;
use scratch::Scratch;
use session::Session;

pub use cancel::Cancel;
pub use error::{FuseError, Input};
pub use header::{Header, SampleType, inspect};
pub use memory::memory_needed;
pub use output::Output;
pub use statistics::{BandStatistics, Spread};
pub use write::Compression;

/// One band of a cell, downloaded.
#[derive(Clone, Debug)]
pub struct Band {
    /// What the band is called in the output, such as `B04`.
    pub name: String,
    /// Where the bytes came from, for messages; never opened.
    pub source: String,
    /// The whole object.
    pub bytes: Bytes,
}

/// What to make of which bands.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In the order of the output: B04, B03, B02 for true colour. Three bands are marked as red, green and blue.
    pub bands: &'a [Band],
    /// Compression of the output.
    pub compression: Compression,
    /// Metadata items of the output as a whole, such as `TILE` and `DATE`. The same cell must give the same items: they
    /// are part of the bytes. Items named `TIFFTAG_…` become TIFF tags (GDAL's `GTiff` driver, "Metadata").
    pub metadata: &'a [(String, String)],
}

/// A cloud-optimised `GeoTIFF`, and what is worth knowing about it without opening it.
#[derive(Clone, Debug)]
pub struct Cog {
    /// The file; the same bytes for the same request, every time.
    pub bytes: Bytes,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Type of the samples, as in the inputs.
    pub sample_type: SampleType,
    /// In the order of the request.
    pub bands: Vec<BandStatistics>,
    /// Factors of the overviews, smallest first: 2 to 32 for an image of at least 32 pixels a side.
    pub overviews: Vec<u32>,
    /// The coordinate reference system, such as `EPSG:32629`, or its name if it has no code.
    pub crs: String,
    /// Upper left x, pixel width, 0, upper left y, 0, negative pixel height, in units of the system.
    pub transform: [f64; 6],
}

/// Fuses the bands into one file. The output has their size, data type, CRS and transform, pixel for pixel, and 0 as
/// nodata.
///
/// Blocks the calling thread, and configures GDAL for it until it returns. On the first call GDAL's error handler and
/// block cache are set up for the process.
///
/// # Errors
/// See [`FuseError`]; disagreement of the bands is found before any of them is decoded.
pub fn fuse(request: &Request<'_>, cancel: &Cancel) -> Result<Cog, FuseError> {
    check_names(request)?;
    let headers = request.bands.iter().map(inspect).collect::<Result<Vec<_>, _>>()?;
    header::agree(request.bands, &headers)?;
    let Some(first) = headers.first() else {
        return Err(FuseError::Request { detail: "it has no bands".into() });
    };
    match first.sample_type() {
        SampleType::U8 => fuse_as::<u8>(request, &headers, first, cancel),
        SampleType::U16 => fuse_as::<u16>(request, &headers, first, cancel),
    }
}

fn fuse_as<T: Sample>(
    request: &Request<'_>,
    headers: &[Header],
    first: &Header,
    cancel: &Cancel,
) -> Result<Cog, FuseError> {
    let session = Session::start()?;
    let scratch = Scratch::new();
    let georeference = common_georeference(&session, &scratch, request.bands, cancel)?;

    let mut canvas = Canvas::new::<T>(&session, first, request.bands.len())?;
    for (index, (band, header)) in request.bands.iter().zip(headers).enumerate() {
        decode::opened(&session, &scratch, band, |dataset| {
            decode::decode::<T>(&session, dataset, band, header, cancel, |block| {
                canvas.put(&session, index, block)
            })
        })?;
    }
    let names = request.bands.iter().map(|band| band.name.as_str());
    let assembled = canvas.finish::<T>(&session, &georeference, names, request.metadata, cancel)?;
    cancel.check()?;
    let bands = assembled.statistics.clone();
    let overviews = assembled.overviews.clone();
    let bytes = write::cog(&session, &scratch, assembled, request.compression)?;
    cancel.check()?;
    Ok(Cog {
        bytes,
        width: first.width,
        height: first.height,
        sample_type: first.sample_type(),
        bands,
        overviews,
        crs: georeference.system_name(),
        transform: georeference.transform,
    })
}

/// Opens every band once before the first is decoded: it takes milliseconds, and decoding takes most of a minute.
fn common_georeference(
    session: &Session,
    scratch: &Scratch,
    bands: &[Band],
    cancel: &Cancel,
) -> Result<Georeference, FuseError> {
    let mut common: Option<(&Band, Georeference)> = None;
    for band in bands {
        cancel.check()?;
        let georeference =
            decode::opened(session, scratch, band, |dataset| Georeference::read(session, dataset, band))?;
        match &common {
            None => common = Some((band, georeference)),
            Some((first_band, first)) => georeference.agree(band, first, first_band)?,
        }
    }
    let georeference = common.map(|(_, georeference)| georeference);
    georeference.ok_or_else(|| FuseError::Request { detail: "it has no bands".into() })
}

/// Names and items end up in the file; what XML or TIFF cannot hold would be lost there without a word.
fn check_names(request: &Request<'_>) -> Result<(), FuseError> {
    let wrong = |detail: String| Err(FuseError::Request { detail });
    for band in request.bands {
        if band.name.is_empty() || band.name.chars().any(char::is_control) {
            return wrong(format!("\"{}\" cannot be the name of a band", band.name.escape_debug()));
        }
    }
    for (key, value) in request.metadata {
        let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if key.is_empty() || !is_key || value.chars().any(|c| c.is_control() && c != '\n') {
            return wrong(format!(
                "the metadata item \"{}\" cannot be written to a TIFF",
                key.escape_debug()
            ));
        }
    }
    Ok(())
}
