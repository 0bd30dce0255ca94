//! Opens a band in the format that its first bytes show.

use crate::fuse::band::Band;
use crate::fuse::cancel::Cancel;
use crate::fuse::error::FuseError;
use crate::fuse::gdal::Session;
use crate::fuse::georeference::Georeference;
use crate::fuse::input::band_reader::OpenedBand;
use crate::fuse::input::format::{self, Format};
use crate::fuse::input::{geotiff, jpeg2000};

/// Reads the headers of a band with a few small reads.
pub(crate) fn open(
    session: &Session,
    band: &Band,
    cancel: &Cancel,
) -> Result<(OpenedBand, Georeference), FuseError> {
    cancel.check()?;
    let source = &band.bytes;
    let head = source.read(0..source.len().min(format::PREFIX));
    let head = head.map_err(|error| FuseError::Read {
        input: band.into(),
        error,
    })?;
    match format::detect(&head) {
        Format::Jp2 => jpeg2000::open(session, band),
        Format::Tiff => geotiff::open(session, band),
        Format::Other(looks_like) => Err(FuseError::NotJp2 {
            input: band.into(),
            looks_like,
        }),
    }
}
