//! Types of samples, and planes of them.

use std::fmt::Debug;

use gdal::raster::GdalType;

/// Type of the samples of a raster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleType {
    /// Unsigned, 8 bits. GDAL's `Byte`.
    U8,
    /// Unsigned, 16 bits. GDAL's `UInt16`.
    U16,
    /// Signed, 16 bits. GDAL's `Int16`.
    I16,
    /// Floating point, 32 bits. GDAL's `Float32`.
    F32,
}

impl SampleType {
    /// Bytes of one sample.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::F32 => 4,
        }
    }
}

/// The type of the samples of a raster, and the value that stands for "no data".
///
/// A NaN in a raster of [`F32`](Self::F32) counts as nodata, whatever the nodata value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nodata {
    /// Of samples of 8 bits.
    U8(u8),
    /// Of unsigned samples of 16 bits.
    U16(u16),
    /// Of signed samples of 16 bits.
    I16(i16),
    /// Of floating-point samples. May be NaN.
    F32(f32),
}

impl Nodata {
    /// The type of the samples.
    pub fn sample_type(self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::U16(_) => SampleType::U16,
            Self::I16(_) => SampleType::I16,
            Self::F32(_) => SampleType::F32,
        }
    }

    /// The value, which is exact for each type.
    pub fn value(self) -> f64 {
        match self {
            Self::U8(value) => value.into(),
            Self::U16(value) => value.into(),
            Self::I16(value) => value.into(),
            Self::F32(value) => value.into(),
        }
    }
}

/// Planes of samples of one type, one plane for each band, row by row without gaps.
#[derive(Clone, Debug, PartialEq)]
pub enum Planes {
    /// Of samples of 8 bits.
    U8(Vec<Vec<u8>>),
    /// Of unsigned samples of 16 bits.
    U16(Vec<Vec<u16>>),
    /// Of signed samples of 16 bits.
    I16(Vec<Vec<i16>>),
    /// Of floating-point samples.
    F32(Vec<Vec<f32>>),
}

impl Planes {
    /// No planes yet, of this type.
    pub fn new(sample_type: SampleType) -> Self {
        match sample_type {
            SampleType::U8 => Self::U8(Vec::new()),
            SampleType::U16 => Self::U16(Vec::new()),
            SampleType::I16 => Self::I16(Vec::new()),
            SampleType::F32 => Self::F32(Vec::new()),
        }
    }

    /// The type of the samples.
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::U16(_) => SampleType::U16,
            Self::I16(_) => SampleType::I16,
            Self::F32(_) => SampleType::F32,
        }
    }
}

/// A type of samples.
pub trait Sample: GdalType + Copy + Debug + Default + PartialEq + PartialOrd + Send + Sync {
    /// The nodata value, if it is of this type.
    fn nodata(nodata: Nodata) -> Option<Self>;

    /// Whether the sample stands for "no data".
    fn is_nodata(self, nodata: Self) -> bool;

    /// The sample as a number, exactly.
    fn to_f64(self) -> f64;
}

macro_rules! integer_sample {
    ($sample:ty, $variant:ident) => {
        impl Sample for $sample {
            fn nodata(nodata: Nodata) -> Option<Self> {
                match nodata {
                    Nodata::$variant(value) => Some(value),
                    _ => None,
                }
            }

            #[inline]
            fn is_nodata(self, nodata: Self) -> bool {
                self == nodata
            }

            #[inline]
            fn to_f64(self) -> f64 {
                self.into()
            }
        }
    };
}

integer_sample!(u8, U8);
integer_sample!(u16, U16);
integer_sample!(i16, I16);

impl Sample for f32 {
    fn nodata(nodata: Nodata) -> Option<Self> {
        match nodata {
            Nodata::F32(value) => Some(value),
            _ => None,
        }
    }

    #[inline]
    #[expect(
        clippy::float_cmp,
        reason = "the nodata value is written and compared bit by bit"
    )]
    fn is_nodata(self, nodata: Self) -> bool {
        self.is_nan() || self == nodata
    }

    #[inline]
    fn to_f64(self) -> f64 {
        self.into()
    }
}
