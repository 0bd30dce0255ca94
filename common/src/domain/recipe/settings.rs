//! What a recipe says beside its outputs: types, grid, masks, radiometry, overviews.

use std::fmt;

/// How the overviews of a raster are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overviews {
    /// The mean of the valid pixels.
    #[default]
    Average,
    /// One of the pixels.
    Nearest,
    /// The most frequent value, for classes.
    Mode,
}

/// The type of the numbers in a raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// 0 to 255.
    UInt8,
    /// 0 to 65,535.
    UInt16,
    /// -32,768 to 32,767.
    Int16,
    /// IEEE 754 binary32.
    Float32,
}

impl DataType {
    /// The name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::Int16 => "int16",
            Self::Float32 => "float32",
        }
    }

    /// The least and the largest number.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::UInt8 => (0.0, f64::from(u8::MAX)),
            Self::UInt16 => (0.0, f64::from(u16::MAX)),
            Self::Int16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::Float32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        }
    }

    /// The nodata value of an output that names none.
    pub fn default_nodata(self) -> f64 {
        match self {
            Self::UInt8 | Self::UInt16 => 0.0,
            Self::Int16 => f64::from(i16::MIN),
            Self::Float32 => f64::NAN,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the values of an expression are stored: `round((value - offset) / scale)`, ties to even.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encoding {
    /// The type of the stored numbers.
    pub data_type: DataType,
    /// The step of a stored number, above 0.
    pub scale: f64,
    /// The value that a stored 0 means.
    pub offset: f64,
    /// The stored number of a pixel without a value; NaN only for [`DataType::Float32`].
    pub nodata: f64,
}

/// On which grid a raster is, and how the bands come to it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GridRule {
    /// The size of a pixel.
    pub resolution: Resolution,
    /// For bands that are coarser than the grid.
    pub upsample: Upsample,
    /// For bands that are finer than the grid.
    pub downsample: Downsample,
}

/// The size of a raster's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Resolution {
    /// That of the finest band that an output of the raster names; masks do not count.
    #[default]
    Finest,
    /// So many metres, above 0.
    Metres(f64),
}

/// How a band comes to a finer grid. Classes are always taken from the nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Upsample {
    /// The nearest pixel.
    Nearest,
    /// Linear between the centres of the four nearest pixels.
    #[default]
    Bilinear,
}

/// How a band comes to a coarser grid. Classes are always taken from the nearest pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Downsample {
    /// The mean of the valid pixels.
    #[default]
    Average,
    /// The nearest pixel.
    Nearest,
    /// A lower resolution of the JPEG 2000 file. No recipe has it yet.
    Wavelet,
}

/// How stored numbers become reflectance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RadiometryRule {
    /// What becomes of reflectance below one step.
    pub negative: Negative,
    /// The scale and offset of a product whose metadata do not tell them.
    pub assume: Option<ScaleOffset>,
}

/// What becomes of reflectance below one step of the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Negative {
    /// It becomes one step, so that normalised differences stay within -1 and 1.
    #[default]
    Clamp,
    /// It stays.
    Keep,
}

/// Reflectance is `number * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleOffset {
    /// Reflectance of one step, above 0.
    pub scale: f64,
    /// Reflectance of a stored 0.
    pub offset: f64,
}

/// Which pixels of a band are masked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MaskTest {
    /// Those with one of these numbers.
    Values(Vec<u16>),
    /// Those in which one of these bits, counted from 0, is set.
    Bits(Vec<u8>),
    /// Those with a larger number.
    Above(u16),
}

/// A mask as a recipe names it; the first whose band the sensor has is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MaskRule {
    /// The name of the band.
    pub band: String,
    /// Which of its pixels are masked.
    pub test: MaskTest,
    /// How far the mask grows, in pixels of its own grid: a square of `2 * dilate + 1` pixels.
    pub dilate: u32,
}
