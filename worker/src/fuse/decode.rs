//! From the bytes of a JP2 file to its samples, block by block, by GDAL's `JP2OpenJPEG` driver.

use std::ops::Range;

use gdal::raster::GdalType;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, vsi};

use super::error::FuseError;
use super::header::Header;
use super::scratch::Scratch;
use super::session::Session;
use super::{Cancel, WholeBand};

/// A type that samples are held in, on both sides of the fusion.
pub(super) trait Sample: GdalType + Copy + Into<u16> {}

impl Sample for u8 {}
impl Sample for u16 {}

/// Decoded samples of a part of a band, row by row without gaps.
pub(super) struct Block<T> {
    /// Column and row of the upper left sample.
    pub(super) origin: (usize, usize),
    /// Columns and rows.
    pub(super) size: (usize, usize),
    pub(super) samples: Vec<T>,
}

/// Opens the band with GDAL, for the time that `work` takes.
pub(super) fn opened<R>(
    session: &Session,
    scratch: &Scratch,
    band: &WholeBand,
    work: impl FnOnce(&Dataset) -> Result<R, FuseError>,
) -> Result<R, FuseError> {
    let path = scratch.path("input.jp2");
    // A memory file wants bytes that it alone may touch. The copy never adds to the peak, which comes when the output
    // is written and it is long gone.
    let mut copy = band.bytes.to_vec();
    let file = vsi::create_mem_file_from_ref(&path, &mut copy)
        .map_err(|error| session.internal("make a memory file", &error))?;
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_RASTER
            | GdalOpenFlags::GDAL_OF_READONLY
            | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR
            | GdalOpenFlags::GDAL_OF_INTERNAL,
        // The bytes come from outside; no other driver gets to interpret them, whatever they pretend to be.
        allowed_drivers: Some(&["JP2OpenJPEG"]),
        open_options: Some(&["GEOREF_SOURCES=INTERNAL", "OPEN_REMOTE_GML=NO"]),
        sibling_files: Some(&[]),
    };
    let dataset = Dataset::open_ex(&path, options).map_err(|error| failed(band, session.reason(&error)))?;
    silent(session, band, "while it was opened")?;
    let result = work(&dataset);
    drop(dataset);
    drop(file);
    result
}

/// Decodes every block of the band once and hands it to `sink`; asks `cancel` between blocks.
///
/// A block is a tile of the file, or a part of one that is alone and large. Blocks are read around GDAL's cache: a
/// row of tiles may be larger than the cache, and then each tile would be decoded once per line of it.
pub(super) fn decode<T: Sample>(
    session: &Session,
    dataset: &Dataset,
    band: &WholeBand,
    header: &Header,
    cancel: &Cancel,
    mut sink: impl FnMut(Block<T>) -> Result<(), FuseError>,
) -> Result<(), FuseError> {
    let raster = dataset.rasterband(1).map_err(|error| session.internal("find the band", &error))?;
    let (width, height) = dataset.raster_size();
    let announced = (usize::try_from(header.width), usize::try_from(header.height));
    if (Ok(width), Ok(height)) != announced || dataset.raster_count() != 1 {
        let detail =
            format!("GDAL sees {width}x{height}, the headers say {}x{}", header.width, header.height);
        return Err(failed(band, detail));
    }
    let (block_width, block_height) = raster.block_size();
    for rows in steps(height, block_height) {
        for columns in steps(width, block_width) {
            cancel.check()?;
            let index = (columns.start / block_width, rows.start / block_height);
            let place = || format!("around column {}, row {}", columns.start, rows.start);
            let block = raster
                .read_block::<T>(index)
                .map_err(|error| failed(band, format!("{} {}", session.reason(&error), place())))?;
            silent(session, band, &place())?;
            let samples = cropped(block.data(), block_width, columns.len(), rows.len());
            let origin = (columns.start, rows.start);
            sink(Block { origin, size: (columns.len(), rows.len()), samples })?;
        }
    }
    Ok(())
}

fn steps(length: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length).step_by(step.max(1)).map(move |start| start..length.min(start.saturating_add(step)))
}

/// The part of a full-size block that lies inside the image.
fn cropped<T: Copy>(block: &[T], block_width: usize, width: usize, height: usize) -> Vec<T> {
    let rows = block.chunks(block_width.max(1)).take(height);
    rows.flat_map(|row| row.iter().take(width)).copied().collect()
}

/// Whatever `OpenJPEG` says means damage: intact files, ESA's own included, decode without a word. It says little,
/// though. Impossible packet headers are reported; wrong bits inside a code block are decoded to wrong samples.
fn silent(session: &Session, band: &WholeBand, place: &str) -> Result<(), FuseError> {
    match session.heard() {
        None => Ok(()),
        Some(heard) => Err(failed(band, format!("{heard} {place}"))),
    }
}

fn failed(band: &WholeBand, detail: String) -> FuseError {
    // Opening looks up the coordinate reference system; without PROJ's database that fails for every file there is.
    if detail.starts_with("PROJ:") {
        return FuseError::Internal { step: "look up the coordinate reference system", detail };
    }
    FuseError::Decode { input: band.into(), detail }
}
