//! What the stored numbers of a band stand for.

use std::fmt;

use gdal::raster::RasterBand;

/// `value = number * scale + offset` (GDAL's "Raster Data Model", "Raster Band").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleOffset {
    /// In units of the value: 0.0001 for Sentinel-2's reflectance.
    pub scale: f64,
    /// In units of the value: -0.1 for Sentinel-2's reflectance since baseline 04.00.
    pub offset: f64,
}

impl ScaleOffset {
    /// Of numbers that stand for themselves. It is written to no file.
    pub const NONE: Self = Self {
        scale: 1.0,
        offset: 0.0,
    };

    /// What GDAL finds in a file; nothing if its numbers stand for themselves.
    pub(crate) fn of(band: &RasterBand<'_>) -> Option<Self> {
        let found = Self {
            scale: band.scale().unwrap_or(Self::NONE.scale),
            offset: band.offset().unwrap_or(Self::NONE.offset),
        };
        found.unless_none()
    }

    /// Nothing for numbers that stand for themselves.
    pub(crate) fn unless_none(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }

    /// Whether every number has a value, and different ones have different values.
    pub(crate) fn is_usable(self) -> bool {
        self.scale.is_finite() && self.scale != 0.0 && self.offset.is_finite()
    }
}

impl fmt::Display for ScaleOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scale {} and offset {}", self.scale, self.offset)
    }
}

/// Scale and offset of the bands of the output.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OutputScales {
    /// Those that the files of the inputs name, which must be the same for all of them. For kernels
    /// that keep the numbers.
    #[default]
    OfInputs,
    /// Those that the files of these inputs name, one input for each output of the kernel. They must
    /// be the same for all of them.
    Of(Vec<usize>),
    /// One for each output of the kernel; [`ScaleOffset::NONE`] for values themselves. What the
    /// files of the inputs name is not looked at, see
    /// [`Prepared::input_scales`](crate::Prepared::input_scales).
    Given(Vec<ScaleOffset>),
}
