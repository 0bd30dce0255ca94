//! One overview level from the one before, where both sides are even: the mean of two by two
//! samples.
//!
//! GDAL's `AVERAGE` resampling (`gcore/overview.cpp`, `GDALResampleChunk_AverageOrRMS_T`) adds what
//! is not nodata, divides by its number and rounds.

use crate::cog::overviews::mean::Mean;

/// Pixels of the output that are looked at together: whether any of their sources is nodata.
const BLOCK: usize = 32;

/// Makes one row of the overview of two rows of samples twice as long.
pub(crate) fn halve_rows<T: Mean>(top: &[T], bottom: &[T], nodata: T, out: &mut [T]) {
    let blocks = top.chunks(2 * BLOCK).zip(bottom.chunks(2 * BLOCK));
    for ((top, bottom), out) in blocks.zip(out.chunks_mut(BLOCK)) {
        let pairs = || top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        if has_nodata(top, nodata) || has_nodata(bottom, nodata) {
            for ((top, bottom), out) in pairs().zip(&mut *out) {
                *out = mean([top[0], top[1], bottom[0], bottom[1]], nodata);
            }
        } else {
            for ((top, bottom), out) in pairs().zip(&mut *out) {
                let sum = top[0].widen() + top[1].widen() + bottom[0].widen() + bottom[1].widen();
                *out = T::mean(sum, 4);
            }
        }
        // Only a block with valid samples around the nodata value can have such a mean.
        if let Some(beside) = T::beside(nodata) {
            for ((top, bottom), out) in pairs().zip(out) {
                let is_valid = |sample: &T| !sample.is_nodata(nodata);
                if *out == nodata && top.iter().chain(bottom).any(is_valid) {
                    *out = beside;
                }
            }
        }
    }
}

/// Without leaving early, which would keep compilers from comparing many samples at once.
fn has_nodata<T: Mean>(samples: &[T], nodata: T) -> bool {
    samples
        .iter()
        .fold(false, |any, sample| any | sample.is_nodata(nodata))
}

/// The mean of the valid samples; nodata if there are none.
fn mean<T: Mean>(samples: [T; 4], nodata: T) -> T {
    let (mut sum, mut count) = (T::Sum::default(), 0);
    for sample in samples {
        if !sample.is_nodata(nodata) {
            sum = sum + sample.widen();
            count += 1;
        }
    }
    if count == 0 {
        nodata
    } else {
        T::mean(sum, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodata_is_left_out() {
        assert_eq!(mean([1_u16, 2, 0, 0], 0), 2);
        assert_eq!(mean([1_u16, 1, 2, 0], 0), 1);
        assert_eq!(mean([1_u16, 2, 2, 0], 0), 2);
        assert_eq!(mean([0_u16, 0, 7, 0], 0), 7);
        assert_eq!(mean([0_u16; 4], 0), 0);
        assert_eq!(mean([-9_i16, -9, 4, -5], -9), -1);
        let half = mean([f32::NAN, 1.0, 2.0, f32::NAN], f32::NAN);
        assert_eq!(half.to_bits(), 1.5_f32.to_bits());
        assert!(mean([f32::NAN; 4], f32::NAN).is_nan());
        let mut out = [0_u16; 2];
        halve_rows(&[1, 1, 1, 2], &[1, 2, 2, 2], 0, &mut out);
        assert_eq!(out, [1, 2]);
    }

    #[test]
    fn a_mean_of_valid_samples_is_never_nodata() {
        let mut out = [0_i16; 2];
        halve_rows(&[-4, 4, 5, 5], &[-6, 6, 5, 5], 0, &mut out);
        assert_eq!(out, [1, 5]);
        halve_rows(&[0, 0, 5, 0], &[0, 0, -5, 0], 0, &mut out);
        assert_eq!(out, [0, 1]);
    }

    #[test]
    fn a_hole_changes_only_the_pixels_that_it_touches() {
        let (mut top, bottom) = (vec![9_u16; 200], vec![10; 200]);
        top[130] = 0;
        let mut out = vec![0; 100];
        halve_rows(&top, &bottom, 0, &mut out);
        let expected: Vec<u16> = (0..100).map(|_| 10).collect();
        // (9 + 10 + 9 + 10 + 2) / 4 = 10, and (9 + 10 + 10) / 3 = 9.67.
        assert_eq!(out, expected);
        top[131] = 3;
        halve_rows(&top, &bottom, 0, &mut out);
        assert_eq!(out[65], 8);
    }
}
