//! A small natural-colour picture of a `GeoTIFF` with red, green and blue as its first bands.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sizes and shades of a thumbnail"
)]

use std::path::Path;

use gdal::Dataset;
use gdal::raster::{GdalDataType, RasterBand, ResampleAlg};

use crate::error::{Error, Result};
use crate::picture::canvas::Colour;

/// Reflectance shown as white: only clouds and snow are brighter.
const WHITE: f64 = 0.28;
/// A value below 1 brightens the dark tones of forests and water.
const GAMMA: f64 = 0.62;

/// A picture with holes where there is no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Colours in row order, `None` for no data.
    pub pixels: Vec<Option<Colour>>,
}

impl Thumbnail {
    /// Reads a raster so that it fits into a square of `side` pixels, from its overviews where it
    /// has them.
    ///
    /// All files are stretched alike, so their pictures can be compared: bytes are shown as they
    /// are, other types as reflectance, for which scale and offset are applied and default to
    /// 1/10,000 and 0.
    ///
    /// # Errors
    ///
    /// If GDAL cannot read the file or it has fewer than three bands.
    pub fn read(path: &Path, side: usize) -> Result<Self> {
        let name = path.display().to_string();
        let raster = Dataset::open(path).map_err(Error::gdal("open", name.as_str()))?;
        if raster.raster_count() < 3 {
            return Err(Error::TooFewBands {
                path: path.to_owned(),
                bands: raster.raster_count(),
            });
        }
        let full = raster.raster_size();
        let longest = full.0.max(full.1).max(1) as f64;
        let fit = |length: usize| ((length as f64 / longest * side as f64).round() as usize).max(1);
        let (width, height) = (fit(full.0), fit(full.1));

        let mut shades: [Vec<Option<u8>>; 3] = Default::default();
        for (number, shades) in (1..).zip(&mut shades) {
            let band = raster
                .rasterband(number)
                .map_err(Error::gdal("read", name.as_str()))?;
            let values = band
                .read_as::<f64>((0, 0), full, (width, height), Some(ResampleAlg::Average))
                .map_err(Error::gdal("read", name.as_str()))?;
            // Sentinel-2 files have no nodata tag: pixels without data are zero in all bands, and
            // pixels with data hardly ever are.
            let nodata = band.no_data_value().unwrap_or(0.0);
            let is_missing = |value: f64| value.is_nan() || value.total_cmp(&nodata).is_eq();
            let stretch = Stretch::of(&band);
            *shades = values
                .data()
                .iter()
                .map(|&value| (!is_missing(value)).then(|| stretch.shade(value)))
                .collect();
        }
        let [red, green, blue] = shades;
        let pixels = red
            .into_iter()
            .zip(green)
            .zip(blue)
            .map(|((red, green), blue)| match (red, green, blue) {
                (None, None, None) => None,
                shades => Some([shades.0, shades.1, shades.2].map(Option::unwrap_or_default)),
            })
            .collect();
        Ok(Self {
            width,
            height,
            pixels,
        })
    }
}

/// From stored value to shade.
struct Stretch {
    scale: f64,
    offset: f64,
    white: f64,
    gamma: f64,
}

impl Stretch {
    fn of(band: &RasterBand<'_>) -> Self {
        if band.band_type() == GdalDataType::UInt8 {
            return Self {
                scale: 1.0,
                offset: 0.0,
                white: 255.0,
                gamma: 1.0,
            };
        }
        // GDAL says 1 both for "scale is one" and for "none given"; reflectances are never stored
        // at scale one.
        let scale = band
            .scale()
            .filter(|&scale| (scale - 1.0).abs() > f64::EPSILON)
            .unwrap_or(1e-4);
        Self {
            scale,
            offset: band.offset().unwrap_or(0.0),
            white: WHITE,
            gamma: GAMMA,
        }
    }

    fn shade(&self, value: f64) -> u8 {
        let share = ((value * self.scale + self.offset) / self.white).clamp(0.0, 1.0);
        (share.powf(self.gamma) * 255.0).round() as u8
    }
}
