//! The errors of this crate, each with the input that caused it.

use std::path::PathBuf;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tile identifier that no Sentinel-2 product carries.
    #[error("tile {tile:?} is not an MGRS square such as 48RXT: {why}")]
    Tile {
        /// The identifier as given.
        tile: String,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// A band for which this crate has no spectra.
    #[error("band {0:?} is not one of B02, B03, B04, B08")]
    Band(String),
    /// A sample count that does not fill the raster.
    #[error("{count} samples do not fill a raster of {width} x {height}")]
    SampleCount {
        /// Samples given.
        count: usize,
        /// Raster width in pixels.
        width: u32,
        /// Raster height in pixels.
        height: u32,
    },
    /// A sample that the chosen precision cannot hold.
    #[error("sample {sample} does not fit in {bits} bits")]
    SampleRange {
        /// The first sample that is too large.
        sample: u16,
        /// The precision.
        bits: u8,
    },
    /// A contact sheet of no files.
    #[error("a contact sheet needs at least one file")]
    NothingToShow,
    /// A file that does not have the three bands of a picture.
    #[error("{path} has {bands} band(s), a picture needs three", path = path.display())]
    TooFewBands {
        /// The file.
        path: PathBuf,
        /// Its bands.
        bands: usize,
    },
    /// GDAL refused.
    #[error("gdal: cannot {action} {subject}: {source}")]
    Gdal {
        /// The verb for what failed.
        action: &'static str,
        /// The file or raster.
        subject: String,
        /// The cause.
        source: gdal::errors::GdalError,
    },
    /// The file system refused.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The picture could not be written.
    #[error("cannot write {path} as png: {source}", path = path.display())]
    Png {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: png::EncodingError,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// For `map_err` on GDAL calls: `action` is a verb, `subject` the file or raster it was done
    /// to.
    pub(crate) fn gdal(
        action: &'static str,
        subject: impl Into<String>,
    ) -> impl FnOnce(gdal::errors::GdalError) -> Self {
        let subject = subject.into();
        move |source| Self::Gdal {
            action,
            subject,
            source,
        }
    }
}
