//! From values to the samples of the output.

use crate::sample::{Nodata, Sample};

/// Sums of this and a number below 2^22 have whole numbers in their last bits, rounded to the
/// nearest one, ties to even: 1.5 * 2^23.
const ROUND: f32 = 12_582_912.0;

/// How the values of an output are encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Encoding {
    scale: f32,
    offset: f32,
}

impl Encoding {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "values are float32, and so are these"
    )]
    pub(super) fn new(scale: f64, offset: f64) -> Self {
        Self {
            scale: scale as f32,
            offset: offset as f32,
        }
    }

    #[inline]
    fn of(self, value: f32) -> f32 {
        (value - self.offset) / self.scale
    }
}

/// Samples that values can be encoded in.
pub(super) trait Encode: Sample {
    /// Encodes a row. Values that are no finite number become nodata. Those beyond the type, and
    /// those that would become the nodata value, become the nearest sample that is neither; returns
    /// how many did.
    fn encode(values: &[f32], encoding: Encoding, nodata: Self, out: &mut [Self]) -> u64;
}

/// Encodes a row, if the nodata value is of this type.
pub(super) fn encode<T: Encode>(
    values: &[f32],
    encoding: Encoding,
    nodata: Nodata,
    out: &mut [T],
) -> u64 {
    T::nodata(nodata).map_or(0, |nodata| T::encode(values, encoding, nodata, out))
}

macro_rules! integer {
    ($sample:ty) => {
        impl Encode for $sample {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::float_cmp,
                reason = "the last bits of the sum are the sample; whole numbers are compared"
            )]
            fn encode(values: &[f32], encoding: Encoding, nodata: Self, out: &mut [Self]) -> u64 {
                // A nodata value at one end of the type is beyond it for values.
                let low = f32::from(Self::MIN) + f32::from(u8::from(nodata == Self::MIN));
                let high = f32::from(Self::MAX) - f32::from(u8::from(nodata == Self::MAX));
                let mut beyond = 0_u32;
                for (out, &value) in out.iter_mut().zip(values) {
                    let is_valid = value.abs() <= f32::MAX;
                    let number = encoding.of(value);
                    // One step more on both sides, to tell what was beyond.
                    let number = if number < low - 1.0 {
                        low - 1.0
                    } else {
                        number
                    };
                    let number = if number > high + 1.0 {
                        high + 1.0
                    } else {
                        number
                    };
                    let whole = (number + ROUND) - ROUND;
                    let within = if whole < low { low } else { whole };
                    let within = if within > high { high } else { within };
                    beyond = beyond.wrapping_add(u32::from((within != whole) & is_valid));
                    let sample = (within + ROUND).to_bits() as Self;
                    *out = if is_valid { sample } else { nodata };
                }
                let mut beyond = u64::from(beyond);
                if nodata != Self::MIN && nodata != Self::MAX {
                    beyond += leave_hole(values, encoding, nodata, out);
                }
                beyond
            }
        }
    };
}

integer!(u8);
integer!(u16);
integer!(i16);

/// Moves values that became the nodata value, which is within the type, to the nearer neighbour.
fn leave_hole<T: Encode + From<u8> + std::ops::Add<Output = T> + std::ops::Sub<Output = T>>(
    values: &[f32],
    encoding: Encoding,
    nodata: T,
    out: &mut [T],
) -> u64 {
    let mut moved = 0;
    for (out, &value) in out.iter_mut().zip(values) {
        if *out == nodata && value.abs() <= f32::MAX {
            let is_below = f64::from(encoding.of(value)) < nodata.to_f64();
            *out = if is_below {
                nodata - T::from(1)
            } else {
                nodata + T::from(1)
            };
            moved += 1;
        }
    }
    moved
}

impl Encode for f32 {
    #[expect(clippy::float_cmp, reason = "a nodata value is compared bit by bit")]
    fn encode(values: &[f32], encoding: Encoding, nodata: Self, out: &mut [Self]) -> u64 {
        let mut beyond = 0;
        for (out, &value) in out.iter_mut().zip(values) {
            let number = encoding.of(value);
            let is_valid = number.abs() <= f32::MAX;
            let is_nodata = number == nodata;
            beyond += u64::from(is_nodata);
            let number = if is_nodata { number.next_up() } else { number };
            *out = if is_valid { number } else { nodata };
        }
        beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded<T: Encode>(values: &[f32], encoding: (f64, f64), nodata: Nodata) -> (Vec<T>, u64) {
        let mut out = vec![T::default(); values.len()];
        let encoding = Encoding::new(encoding.0, encoding.1);
        let beyond = encode(values, encoding, nodata, &mut out);
        (out, beyond)
    }

    const ONE: (f64, f64) = (1.0, 0.0);
    const NAN: f32 = f32::NAN;

    #[test]
    fn ties_are_rounded_to_even() {
        let values = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.499_999_97];
        let (samples, beyond) = encoded::<i16>(&values, ONE, Nodata::I16(-32768));
        assert_eq!((samples, beyond), (vec![0, 2, 2, 0, -2, -2, 0], 0));
    }

    #[test]
    fn values_beyond_the_type_become_its_nearest_value_that_is_not_nodata_and_are_counted() {
        let values = [-1e9, -32768.0, -32767.0, 32767.4, 32767.6, 1e30, NAN];
        let (samples, beyond) = encoded::<i16>(&values, ONE, Nodata::I16(-32768));
        let expected = vec![-32767, -32767, -32767, 32767, 32767, 32767, -32768];
        assert_eq!((samples, beyond), (expected, 4));
        let values = [-3.0, 0.2, 0.6, 254.0, 255.0, 255.6, f32::INFINITY];
        let (samples, beyond) = encoded::<u8>(&values, ONE, Nodata::U8(255));
        assert_eq!((samples, beyond), (vec![0, 0, 1, 254, 254, 254, 255], 3));
        let values = [0.0, 0.4, 1.0, 65535.0, 65536.0];
        let (samples, beyond) = encoded::<u16>(&values, ONE, Nodata::U16(0));
        assert_eq!((samples, beyond), (vec![1, 1, 1, 65535, 65535], 3));
    }

    #[test]
    fn a_nodata_value_within_the_type_is_left_out() {
        let values = [-0.4, 0.0, 0.3, 1.0, NAN];
        let (samples, beyond) = encoded::<i16>(&values, ONE, Nodata::I16(0));
        assert_eq!((samples, beyond), (vec![-1, 1, 1, 1, 0], 3));
        let values = [-9999.0, 1.0, NAN, f32::NEG_INFINITY];
        let (samples, beyond) = encoded::<f32>(&values, ONE, Nodata::F32(-9999.0));
        assert_eq!(samples, [(-9999.0_f32).next_up(), 1.0, -9999.0, -9999.0]);
        assert_eq!(beyond, 1);
    }

    #[test]
    fn scale_and_offset_are_undone() {
        let values = [-1.0, 0.123_44, 1.0];
        let (samples, _) = encoded::<i16>(&values, (0.0001, 0.0), Nodata::I16(-32768));
        assert_eq!(samples, [-10000, 1234, 10000]);
        let (samples, _) = encoded::<u8>(&values, (0.01, -1.0), Nodata::U8(255));
        assert_eq!(samples, [0, 112, 200]);
    }

    #[test]
    fn every_sample_is_its_own_value() {
        let all: Vec<u16> = (1..=u16::MAX).collect();
        let values: Vec<f32> = all.iter().map(|&sample| sample.into()).collect();
        assert_eq!(encoded::<u16>(&values, ONE, Nodata::U16(0)), (all, 0));
    }
}
