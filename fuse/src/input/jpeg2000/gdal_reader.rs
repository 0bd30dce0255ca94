//! JPEG 2000 outside the profile of this project's decoder, by GDAL's `JP2OpenJPEG` driver.
//!
//! The file is held in memory whole. `OpenJPEG`, as GDAL drives it, decodes half a file without an
//! error and fills the rest with zeros, which are indistinguishable from nodata; and it takes what
//! memory the headers demand. So all tiles are checked before it sees them, which takes
//! about as long as decoding them once.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use gdal::{Dataset, vsi};
use tilefleet_jpeg2000::{Image, Tiles};

use crate::band::Band;
use crate::error::FuseError;
use crate::gdal::{MemoryFolder, Session, open};
use crate::grid::Rect;
use crate::input::band_reader::{DecodeScratch, TileReader, whole};
use crate::input::jpeg2000::explain::explain;

const DRIVER: &str = "JP2OpenJPEG";

pub(crate) struct GdalReader {
    band: Band,
    image: Image,
    /// Open and not in use at the moment; a thread takes one, or opens one more.
    datasets: Mutex<Vec<Dataset>>,
    file: Mutex<Option<PathBuf>>,
    /// Below the datasets, so that it is dropped after them.
    folder: MemoryFolder,
}

impl GdalReader {
    pub(crate) fn new(band: &Band, image: Image) -> Self {
        Self {
            band: band.clone(),
            image,
            datasets: Mutex::default(),
            file: Mutex::default(),
            folder: MemoryFolder::new(),
        }
    }

    /// GDAL's own words as an error of the band.
    pub(crate) fn failed(band: &Band, detail: String) -> FuseError {
        // Opening looks up the coordinate reference system; without PROJ's database that fails for
        // every file there is.
        if detail.starts_with("PROJ:") {
            return FuseError::Internal {
                step: "look up the coordinate reference system",
                detail,
            };
        }
        FuseError::Decode {
            input: band.into(),
            detail,
        }
    }

    /// The file in GDAL's memory, which the first caller puts there.
    fn file(&self, session: &Session, stop: &dyn Fn() -> bool) -> Result<PathBuf, FuseError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &*file {
            return Ok(path.clone());
        }
        let bytes = Bytes::from(whole(&self.band, stop)?);
        let mut tiles = Tiles::new(&self.image);
        let wrong = |error| explain(error, &self.band);
        while let Some(tile) = tiles.next(&bytes).map_err(wrong)? {
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
            let parts = tile
                .parts
                .iter()
                .map(|part| (part.start, bytes.slice(at(part.start)..at(part.end))));
            self.image
                .check_tile(tile.index, &parts.collect::<Vec<_>>(), stop)
                .map_err(wrong)?;
        }
        let path = self.folder.path("input.jp2");
        vsi::create_mem_file(&path, Vec::from(bytes))
            .map_err(|error| session.internal("make a memory file", &error))?;
        Ok(file.insert(path).clone())
    }

    fn dataset(&self, session: &Session, stop: &dyn Fn() -> bool) -> Result<Dataset, FuseError> {
        let idle = self
            .datasets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if let Some(dataset) = idle {
            return Ok(dataset);
        }
        let path = self.file(session, stop)?;
        let dataset = open(&path, DRIVER)
            .map_err(|error| Self::failed(&self.band, session.reason(&error)))?;
        self.silent(session, "while it was opened")?;
        let announced = (self.image.width() as usize, self.image.height() as usize);
        if dataset.raster_size() != announced || dataset.raster_count() != 1 {
            let ((width, height), (w, h)) = (dataset.raster_size(), announced);
            let detail = format!("GDAL sees {width}x{height} pixels where the headers say {w}x{h}");
            return Err(FuseError::Unsupported {
                input: (&self.band).into(),
                detail,
            });
        }
        Ok(dataset)
    }

    /// Any message of `OpenJPEG` means damage: intact files, ESA's own included, decode without one.
    /// There are few messages, though. Impossible packet headers are reported; wrong bits inside a
    /// code block are decoded to wrong samples.
    fn silent(&self, session: &Session, place: &str) -> Result<(), FuseError> {
        match session.take_messages() {
            None => Ok(()),
            Some(heard) => Err(Self::failed(&self.band, format!("{heard} {place}"))),
        }
    }
}

impl TileReader for GdalReader {
    fn read(
        &self,
        _tile: u32,
        rect: Rect,
        scratch: &mut DecodeScratch,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError> {
        if stop() {
            return Err(FuseError::Cancelled);
        }
        let session = Session::start()?;
        let dataset = self.dataset(&session, stop)?;
        let raster = dataset
            .rasterband(1)
            .map_err(|error| session.internal("find the band", &error))?;
        let place = format!("around column {}, row {}", rect.x, rect.y);
        let origin = (
            (rect.x as usize).cast_signed(),
            (rect.y as usize).cast_signed(),
        );
        let size = (rect.width as usize, rect.height as usize);
        raster
            .read_into_slice::<u16>(origin, size, size, scratch.fit(rect.area())?, None)
            .map_err(|error| {
                Self::failed(&self.band, format!("{} {place}", session.reason(&error)))
            })?;
        self.silent(&session, &place)?;
        self.datasets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(dataset);
        Ok(())
    }

    fn finish(&self) -> Result<(), FuseError> {
        Ok(())
    }
}
