//! Where a band lies, from its header.

use crate::band::Band;
use crate::cancel::Cancel;
use crate::error::FuseError;
use crate::gdal::Session;
use crate::input;

/// Where a raster lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The coordinate reference system, as WKT or as anything else that GDAL understands, such as
    /// `EPSG:32629`.
    pub system: String,
    /// x of the upper left corner, pixel width, 0, y, 0, negative pixel height, in units of the
    /// system (GDAL raster data model, "Affine `GeoTransform`").
    pub transform: [f64; 6],
    /// Columns and rows.
    pub size: (u32, u32),
}

impl Place {
    /// The same place with square pixels of `side` units of the system: the upper left corner stays,
    /// and the last column and row may reach beyond the raster.
    #[must_use]
    pub fn with_pixels_of(&self, side: f64) -> Self {
        let [x, width, _, y, _, height] = self.transform;
        let (columns, rows) = self.size;
        Self {
            system: self.system.clone(),
            transform: [x, side, 0.0, y, 0.0, -side],
            size: (cover(columns, width, side), cover(rows, -height, side)),
        }
    }
}

/// Pixels of the length `side` that cover `count` pixels of the length `length`. A millionth of a
/// pixel more needs no further one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and lengths are positive"
)]
fn cover(count: u32, length: f64, side: f64) -> u32 {
    (f64::from(count) * length / side - 1e-6).ceil() as u32
}

/// Reads where a band lies with a few small reads.
///
/// Blocks the calling thread, on which it configures GDAL until it returns.
///
/// # Errors
/// See [`FuseError`].
pub fn place_of(band: &Band, cancel: &Cancel) -> Result<Place, FuseError> {
    let session = Session::start()?;
    let (opened, georeference) = input::open(&session, band, cancel)?;
    let system = georeference.system.to_wkt();
    Ok(Place {
        system: system.map_err(|error| session.internal("write a reference system", &error))?,
        transform: georeference.transform,
        size: (opened.header.grid.width, opened.header.grid.height),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarser_pixels_cover_the_whole_raster() {
        let place = Place {
            system: "EPSG:32629".to_owned(),
            transform: [600_000.0, 10.0, 0.0, 6_000_000.0, 0.0, -10.0],
            size: (10_980, 5_000),
        };
        let coarse = place.with_pixels_of(80.0);
        assert_eq!(coarse.size, (1_373, 625));
        assert_eq!(coarse.transform[..3], [600_000.0, 80.0, 0.0]);
        assert_eq!(place.with_pixels_of(20.0).size, (5_490, 2_500));
        assert_eq!(place.with_pixels_of(10.0), place);
    }
}
