//! Where on Earth the bands of a cell lie, and that it is the same place for all.

use gdal::Dataset;
use gdal::spatial_ref::SpatialRef;

use crate::band::Band;
use crate::cog::{GeoKeys, GeoTags, GeoTagsError, system_name};
use crate::error::FuseError;
use crate::gdal::Session;

/// Coordinate reference system and affine transformation of a raster.
pub(crate) struct Georeference {
    pub(crate) system: SpatialRef,
    /// As GDAL orders it: x of the upper left corner, pixel width, 0, y, 0, negative pixel height
    /// (GDAL raster data model, "Affine `GeoTransform`"), in units of the system.
    pub(crate) transform: [f64; 6],
    /// The keys that a `GeoTIFF` has for the system.
    keys: Option<GeoKeys>,
}

impl Georeference {
    pub(crate) fn read(
        session: &Session,
        dataset: &Dataset,
        band: &Band,
    ) -> Result<Self, FuseError> {
        let missing = |what: &str| {
            let detail = match session.take_messages() {
                Some(heard) => format!("{what} ({heard})"),
                None => what.to_owned(),
            };
            FuseError::NoGeoreference {
                input: band.into(),
                detail,
            }
        };
        let transform = dataset
            .geo_transform()
            .map_err(|_| missing("no GMLJP2 or GeoJP2 box and no GeoTIFF tag places it"))?;
        check_transform(transform, band)?;
        let system = dataset.spatial_ref().map_err(|_| {
            missing("it does not name a coordinate reference system that PROJ knows")
        })?;
        Ok(Self {
            system,
            transform,
            keys: None,
        })
    }

    /// The same, of a file that has these keys for its system.
    pub(crate) fn with_keys(self, keys: GeoKeys) -> Self {
        Self {
            keys: Some(keys),
            ..self
        }
    }

    /// The tags of an image in this system; `band` is the one that it is from.
    pub(crate) fn tags(&self, transform: &[f64; 6], band: &Band) -> Result<GeoTags, FuseError> {
        let tags = GeoTags::with_keys(&self.system, transform, self.keys.as_ref());
        tags.map_err(|error| match error {
            GeoTagsError::Inexpressible { system } => FuseError::Inexpressible {
                input: band.into(),
                system,
            },
            error => error.into(),
        })
    }

    /// Whether coordinates are metres.
    pub(crate) fn is_in_metres(&self) -> bool {
        self.system.is_projected() && (self.system.linear_units() - 1.0).abs() < 1e-9
    }

    /// The system as WKT.
    pub(crate) fn wkt(&self) -> Result<String, FuseError> {
        self.system.to_wkt().map_err(|error| FuseError::Internal {
            step: "write a reference system as WKT",
            detail: error.to_string(),
        })
    }

    /// `EPSG:32629`, or the name of a system without a code.
    pub(crate) fn system_name(&self) -> String {
        system_name(&self.system)
    }

    /// Columns and rows of a pixel, in units of the system.
    pub(crate) fn pixel(&self) -> (f64, f64) {
        (self.transform[1].abs(), self.transform[5].abs())
    }

    /// Fails unless `first` is the same grid.
    fn agree(&self, band: &Band, first: &Self, first_band: &Band) -> Result<(), FuseError> {
        self.agree_in_system(band, first, first_band)?;
        if self.same_transform(first) {
            return Ok(());
        }
        Err(self.mismatch("position", band, first, first_band))
    }

    /// Fails unless `first` is in the same system.
    fn agree_in_system(
        &self,
        band: &Band,
        first: &Self,
        first_band: &Band,
    ) -> Result<(), FuseError> {
        if self.system == first.system {
            return Ok(());
        }
        let is_in = |it: &Self| format!("is in {}", it.system_name());
        Err(FuseError::BandMismatch {
            what: "coordinate reference system",
            one: Box::new(band.into()),
            one_has: is_in(self),
            other: Box::new(first_band.into()),
            other_has: is_in(first),
        })
    }

    /// The error for two bands whose transforms do not go together.
    pub(crate) fn mismatch(
        &self,
        what: &'static str,
        band: &Band,
        other: &Self,
        other_band: &Band,
    ) -> FuseError {
        let lies = |it: &Self| {
            let [x, width, _, y, _, height] = it.transform;
            format!("has its origin at {x},{y} and pixels of {width}x{height}")
        };
        FuseError::BandMismatch {
            what,
            one: Box::new(band.into()),
            one_has: lies(self),
            other: Box::new(other_band.into()),
            other_has: lies(other),
        }
    }

    /// Whether both have the same upper left corner, to a millionth of a pixel of `other`.
    fn same_corner(&self, other: &Self) -> bool {
        let (width, height) = other.pixel();
        let near = |one: f64, other: f64, pixel: f64| (one - other).abs() <= pixel * 1e-6;
        near(self.transform[0], other.transform[0], width)
            && near(self.transform[3], other.transform[3], height)
    }

    /// A millionth of a pixel is what the decimal numbers in GML may differ by; a real shift is far
    /// larger.
    fn same_transform(&self, other: &Self) -> bool {
        let tolerance = self.transform[1].abs().max(self.transform[5].abs()) * 1e-6;
        self.transform
            .iter()
            .zip(&other.transform)
            .all(|(one, other)| (one - other).abs() <= tolerance)
    }
}

/// Fails unless the pixels are rectangles with north up. Other grids are legal, but none is
/// Sentinel-2's, and readers of the output would have to expect them.
fn check_transform(transform: [f64; 6], band: &Band) -> Result<(), FuseError> {
    let [x, width, row_rotation, y, column_rotation, height] = transform;
    let wrong = |detail: String| {
        Err(FuseError::Unsupported {
            input: band.into(),
            detail,
        })
    };
    if transform.iter().any(|number| !number.is_finite()) {
        return wrong(format!(
            "its origin is at {x},{y} and its pixels are {width}x{height}"
        ));
    }
    if row_rotation != 0.0 || column_rotation != 0.0 || width <= 0.0 || height >= 0.0 {
        return wrong(format!(
            "its rows and columns do not have north up: its transform is {transform:?}"
        ));
    }
    Ok(())
}

/// Fails unless all bands lie where the first one does.
pub(crate) fn agree(bands: &[Band], georeferences: &[Georeference]) -> Result<(), FuseError> {
    let (Some(first_band), Some(first)) = (bands.first(), georeferences.first()) else {
        return Ok(());
    };
    bands
        .iter()
        .zip(georeferences)
        .skip(1)
        .try_for_each(|(band, it)| it.agree(band, first, first_band))
}

/// Fails unless all bands have the system and the upper left corner of the one with the index
/// `finest`, whatever their pixels are.
pub(crate) fn agree_in_corner(
    bands: &[Band],
    georeferences: &[Georeference],
    finest: usize,
) -> Result<(), FuseError> {
    let (Some(finest_band), Some(finest)) = (bands.get(finest), georeferences.get(finest)) else {
        return Ok(());
    };
    for (band, it) in bands.iter().zip(georeferences) {
        it.agree_in_system(band, finest, finest_band)?;
        if !it.same_corner(finest) {
            return Err(it.mismatch("position", band, finest, finest_band));
        }
    }
    Ok(())
}
