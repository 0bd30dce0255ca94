//! Opens files of GDAL's memory with one driver, which gets to see nothing but them.

use std::path::Path;

use gdal::{Dataset, DatasetOptions, GdalOpenFlags, vsi};

use crate::gdal::memory_files::MemoryFolder;

/// Opens `bytes` with one driver of GDAL, which gets to see nothing but them.
pub(crate) fn opened<R>(
    bytes: Vec<u8>,
    driver: &str,
    look: impl FnOnce(&Dataset) -> R,
) -> gdal::errors::Result<R> {
    let folder = MemoryFolder::new();
    let path = folder.path("stub");
    vsi::create_mem_file(&path, bytes)?;
    let dataset = open(&path, driver)?;
    Ok(look(&dataset))
}

/// Opens a file with one driver of GDAL; no other gets to interpret it, whatever it pretends to be.
pub(crate) fn open(path: &Path, driver: &str) -> gdal::errors::Result<Dataset> {
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
