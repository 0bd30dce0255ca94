//! Small files that have a band's georeference and nothing else, for GDAL to read it from.
//!
//! What GDAL gets to see of a file is bounded here, and it is GDAL that knows GMLJP2 and `GeoTIFF` keys.

use std::path::Path;

use ::gdal::{Dataset, DatasetOptions, GdalOpenFlags, vsi};
use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, Source};

use super::super::scratch::Scratch;

/// Bytes of boxes and headers that are handed to GDAL. Those of a Sentinel-2 band have 3 KB; a true-colour image with a
/// thumbnail and metadata comes to some hundreds.
const MOST_BYTES: u64 = 8 << 20;

/// What follows the main header: the shortest tile-part there can be (ISO/IEC 15444-1 A.4.2 and A.4.3), and EOC.
const EMPTY_TILE: [u8; 16] = [0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 14, 0, 1, 0xff, 0x93, 0xff, 0xd9];

/// A JP2 file with the boxes in front of the codestream, those behind it if `trailing` says so, and a codestream that
/// ends where the tiles would begin.
pub(super) fn jp2(image: &Image, source: &dyn Source, trailing: bool) -> Result<Vec<u8>, Error> {
    let mut stub = Vec::new();
    let copy = |stub: &mut Vec<u8>, range: std::ops::Range<u64>| {
        let length = range.end.saturating_sub(range.start);
        if length.saturating_add(stub.len() as u64) > MOST_BYTES {
            let detail = format!("its boxes and headers take more than {MOST_BYTES} bytes");
            return Err(Error::Flaw(Flaw { kind: FlawKind::Unsupported, offset: range.start, detail }));
        }
        stub.extend_from_slice(&source.read(range).map_err(Error::Source)?);
        Ok(())
    };
    for range in image.boxes() {
        copy(&mut stub, range.clone())?;
    }
    let header = image.main_header();
    let length = header.end.saturating_sub(header.start).saturating_add(8 + EMPTY_TILE.len() as u64);
    stub.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    stub.extend_from_slice(b"jp2c");
    copy(&mut stub, header)?;
    stub.extend_from_slice(&EMPTY_TILE);
    if trailing {
        for range in image.trailing_boxes(source)? {
            copy(&mut stub, range)?;
        }
    }
    Ok(stub)
}

/// Opens `bytes` with one driver of GDAL, which gets to see nothing but them.
pub(super) fn opened<R>(
    bytes: Vec<u8>,
    driver: &str,
    look: impl FnOnce(&Dataset) -> R,
) -> ::gdal::errors::Result<R> {
    let scratch = Scratch::new();
    let path = scratch.path("stub");
    vsi::create_mem_file(&path, bytes)?;
    let dataset = open(&path, driver)?;
    Ok(look(&dataset))
}

/// Opens a file with one driver of GDAL; no other gets to interpret it, whatever it pretends to be.
pub(super) fn open(path: &Path, driver: &str) -> ::gdal::errors::Result<Dataset> {
    let jp2: &[&str] = &["GEOREF_SOURCES=INTERNAL", "OPEN_REMOTE_GML=NO"];
    let tiff: &[&str] = &["GEOREF_SOURCES=INTERNAL"];
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_RASTER
            | GdalOpenFlags::GDAL_OF_READONLY
            | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR
            | GdalOpenFlags::GDAL_OF_INTERNAL,
        allowed_drivers: Some(&[driver]),
        open_options: Some(if driver == "GTiff" { tiff } else { jp2 }),
        sibling_files: Some(&[]),
    };
    Dataset::open_ex(path, options)
}
