//! Bands, and the reflectance of each material in each of them.
//!
//! Bottom-of-atmosphere reflectances of the right order for each material; a digital number is
//! reflectance times 10,000 without offset, as before processing baseline 04.00.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// Digital numbers per unit of reflectance.
pub const QUANTIFICATION: f32 = 10_000.0;

/// A Sentinel-2 band with 10 m pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Band {
    /// Blue, 490 nm.
    B02,
    /// Green, 560 nm.
    B03,
    /// Red, 665 nm.
    B04,
    /// Near infrared, 842 nm.
    B08,
}

impl Band {
    /// The bands of a natural-colour picture, as the scene bucket names them.
    pub const VISIBLE: [Self; 3] = [Self::B02, Self::B03, Self::B04];

    /// The name in file names, e.g. `B02`.
    pub fn name(self) -> &'static str {
        match self {
            Self::B02 => "B02",
            Self::B03 => "B03",
            Self::B04 => "B04",
            Self::B08 => "B08",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Band {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::B02, Self::B03, Self::B04, Self::B08]
            .into_iter()
            .find(|band| band.name() == text)
            .ok_or_else(|| Error::Band(text.to_owned()))
    }
}

/// Reflectance in B02, B03, B04 and B08, each 0 to about 1.
pub type Spectrum = [f32; 4];

/// Slow, silty river.
pub const RIVER: Spectrum = [0.062, 0.088, 0.074, 0.028];
/// Clear water.
pub const LAKE: Spectrum = [0.036, 0.046, 0.030, 0.012];
/// Gravel and sand along a river.
pub const GRAVEL: Spectrum = [0.110, 0.140, 0.158, 0.205];
/// Closed broadleaf forest.
pub const BROADLEAF: Spectrum = [0.026, 0.050, 0.030, 0.340];
/// Conifers.
pub const CONIFER: Spectrum = [0.021, 0.034, 0.023, 0.215];
/// Meadow and scrub.
pub const MEADOW: Spectrum = [0.044, 0.078, 0.060, 0.300];
/// Dry grass.
pub const DRY_GRASS: Spectrum = [0.066, 0.100, 0.116, 0.250];
/// Rock and scree.
pub const ROCK: Spectrum = [0.108, 0.124, 0.138, 0.180];
/// Roofs and roads.
pub const TOWN: Spectrum = [0.110, 0.122, 0.134, 0.190];
/// Crops in full leaf.
pub const GREEN_CROP: Spectrum = [0.036, 0.076, 0.040, 0.430];
/// Rice standing in water.
pub const PADDY: Spectrum = [0.046, 0.074, 0.052, 0.250];
/// Ripe grain.
pub const RIPE_CROP: Spectrum = [0.072, 0.112, 0.132, 0.290];
/// Stubble and dry soil.
pub const PALE_SOIL: Spectrum = [0.096, 0.130, 0.172, 0.240];
/// Freshly ploughed soil.
pub const DARK_SOIL: Spectrum = [0.064, 0.084, 0.112, 0.165];
/// The top of a thick cloud.
pub const CLOUD: Spectrum = [0.80, 0.79, 0.80, 0.82];

/// `share` (0 to 1) of `b` in `a`.
#[inline]
pub fn mix(a: &Spectrum, b: &Spectrum, share: f32) -> Spectrum {
    std::array::from_fn(|band| a[band] + (b[band] - a[band]) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soil_brightens_towards_red_and_leaves_are_greenest_in_the_visible() {
        for soil in [PALE_SOIL, DARK_SOIL, ROCK] {
            assert!(soil.is_sorted());
        }
        for [blue, green, red, infrared] in [BROADLEAF, CONIFER, MEADOW, GREEN_CROP] {
            assert!(green > blue && green > red && infrared > 4.0 * red);
        }
    }
}
