//! Opens a band in the format that its first bytes show.

use crate::band::Band;
use crate::cancel::Cancel;
use crate::error::FuseError;
use crate::gdal::Session;
use crate::georeference::Georeference;
use crate::input::band_reader::OpenedBand;
use crate::input::format::{self, Format};
use crate::input::{geotiff, jpeg2000};

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
