//! Means of samples, rounded as GDAL rounds them.

use std::ops::Add;

use crate::sample::Sample;

/// A type of samples that has means.
///
/// Integer means have halves rounded away from zero. They are computed with integers, which gives
/// what GDAL's floating point gives: there a quotient by 1, 2 or 4 is exact, and one by 3 is never
/// closer than a sixth to where the rounding turns. A mean of [`f32`] is computed in double
/// precision and rounded once; GDAL computes it in single precision.
pub trait Mean: Sample {
    /// A type that holds the sum of four samples.
    type Sum: Add<Output = Self::Sum> + Copy + Default;

    /// The sample as a sum.
    fn widen(self) -> Self::Sum;

    /// The sum of `count` samples, 1 to 4, divided by their number.
    fn mean(sum: Self::Sum, count: u32) -> Self;

    /// A weighted sum divided by its weights, which are not 0.
    fn weighted_mean(total: f64, weights: f64) -> Self;

    /// The value next to the nodata value, for a mean of valid samples that would be nodata; nothing
    /// if no mean can be. As GDAL does it (`GDALGetNoDataReplacementValue`).
    fn beside(nodata: Self) -> Option<Self>;
}

macro_rules! unsigned_mean {
    ($sample:ty) => {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean of samples is not negative and no larger than they are; truncating is \
                      what GDAL does"
        )]
        impl Mean for $sample {
            type Sum = u32;

            #[inline]
            fn widen(self) -> u32 {
                self.into()
            }

            #[inline]
            fn mean(sum: u32, count: u32) -> Self {
                match count {
                    4 => ((sum + 2) >> 2) as Self,
                    3 => ((2 * sum + 3) / 6) as Self,
                    2 => ((sum + 1) >> 1) as Self,
                    _ => sum as Self,
                }
            }

            #[inline]
            fn weighted_mean(total: f64, weights: f64) -> Self {
                (total / weights + 0.5) as Self
            }

            fn beside(nodata: Self) -> Option<Self> {
                // The mean of valid samples lies between them.
                (nodata != Self::MIN && nodata != Self::MAX).then(|| nodata.saturating_add(1))
            }
        }
    };
}

unsigned_mean!(u8);
unsigned_mean!(u16);

#[expect(
    clippy::cast_possible_truncation,
    reason = "a mean of samples lies between them"
)]
impl Mean for i16 {
    type Sum = i32;

    #[inline]
    fn widen(self) -> i32 {
        self.into()
    }

    #[inline]
    fn mean(sum: i32, count: u32) -> Self {
        let halves = i32::try_from(count).unwrap_or(1).max(1);
        let away = if sum < 0 { -halves } else { halves };
        ((2 * sum + away) / (2 * halves)) as Self
    }

    #[inline]
    fn weighted_mean(total: f64, weights: f64) -> Self {
        // GDAL's way: through single precision.
        ((total / weights) as f32).round() as Self
    }

    fn beside(nodata: Self) -> Option<Self> {
        (nodata != Self::MIN && nodata != Self::MAX).then(|| nodata.saturating_add(1))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is what is wanted"
)]
impl Mean for f32 {
    type Sum = f64;

    #[inline]
    fn widen(self) -> f64 {
        self.into()
    }

    #[inline]
    fn mean(sum: f64, count: u32) -> Self {
        (sum / f64::from(count)) as Self
    }

    #[inline]
    fn weighted_mean(total: f64, weights: f64) -> Self {
        (total / weights) as Self
    }

    fn beside(nodata: Self) -> Option<Self> {
        nodata.is_finite().then(|| nodata.next_up())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!(u16::mean(3, 2), 2);
        assert_eq!(u16::mean(4, 3), 1);
        assert_eq!(u16::mean(5, 3), 2);
        assert_eq!(u16::mean(4 * u32::from(u16::MAX), 4), u16::MAX);
        assert_eq!(u8::mean(2, 4), 1);
        assert_eq!([-3, -1, 1, 3].map(|sum| i16::mean(sum, 2)), [-2, -1, 1, 2]);
        assert_eq!([-5, -4, 4, 5].map(|sum| i16::mean(sum, 3)), [-2, -1, 1, 2]);
        assert_eq!(i16::mean(4 * i32::from(i16::MIN), 4), i16::MIN);
        assert_eq!(f32::mean(0.75, 3).to_bits(), 0.25_f32.to_bits());
    }

    #[test]
    fn only_a_nodata_value_between_others_can_be_a_mean() {
        assert_eq!([0, 7, u16::MAX].map(u16::beside), [None, Some(8), None]);
        assert_eq!([i16::MIN, 0].map(i16::beside), [None, Some(1)]);
        assert_eq!(f32::beside(f32::NAN), None);
    }
}
