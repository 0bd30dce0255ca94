//! One overview level from the one before, where both sides are even: the mean of two by two
//! samples.
//!
//! GDAL's `AVERAGE` resampling (`gcore/overview.cpp`, `GDALResampleChunk_AverageOrRMS_T`) adds what
//! is not nodata, divides by its number, adds 0.5 and truncates. For four valid samples that is
//! `(sum + 2) >> 2`, as in its fast path.

/// Pixels of the output that are looked at together: whether any of their sources is nodata.
const BLOCK: usize = 32;

/// Makes one row of the overview of two rows of samples twice as long. Nodata is 0.
pub(super) fn halve_rows(top: &[u16], bottom: &[u16], out: &mut [u16]) {
    let blocks = top.chunks(2 * BLOCK).zip(bottom.chunks(2 * BLOCK));
    for ((top, bottom), out) in blocks.zip(out.chunks_mut(BLOCK)) {
        let pairs = || top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        if has_nodata(top) || has_nodata(bottom) {
            for ((top, bottom), out) in pairs().zip(out) {
                *out = mean([top[0], top[1], bottom[0], bottom[1]]);
            }
        } else {
            for ((top, bottom), out) in pairs().zip(out) {
                let sum = u32::from(top[0])
                    + u32::from(top[1])
                    + u32::from(bottom[0])
                    + u32::from(bottom[1]);
                *out = low((sum + 2) >> 2);
            }
        }
    }
}

/// Without leaving early, which would keep compilers from comparing many samples at once.
fn has_nodata(samples: &[u16]) -> bool {
    samples.iter().copied().fold(u16::MAX, u16::min) == 0
}

/// The mean of the samples that are not 0, halves rounded up; 0 if there are none.
///
/// Integers give what GDAL's double precision gives: there a quotient by 1, 2 or 4 is exact, and
/// one by 3 is never closer than a sixth to where the rounding turns.
fn mean(samples: [u16; 4]) -> u16 {
    let sum: u32 = samples.iter().map(|&sample| u32::from(sample)).sum();
    let count: u32 = samples.iter().map(|&sample| u32::from(sample != 0)).sum();
    match count {
        0 => 0,
        3 => low((2 * sum + 3) / 6),
        _ => low((sum + count / 2) / count),
    }
}

/// A mean of samples fits where they did.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a mean of 16-bit samples has at most 16 bits"
)]
fn low(value: u32) -> u16 {
    value as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_up_and_nodata_left_out() {
        assert_eq!(mean([1, 2, 0, 0]), 2);
        assert_eq!(mean([1, 1, 2, 0]), 1);
        assert_eq!(mean([1, 2, 2, 0]), 2);
        assert_eq!(mean([0, 0, 7, 0]), 7);
        assert_eq!(mean([0; 4]), 0);
        assert_eq!(mean([u16::MAX; 4]), u16::MAX);
        let mut out = [0; 2];
        halve_rows(&[1, 1, 1, 2], &[1, 2, 2, 2], &mut out);
        assert_eq!(out, [1, 2]);
    }

    #[test]
    fn a_hole_changes_only_the_pixels_that_it_touches() {
        let (mut top, bottom) = (vec![9; 200], vec![10; 200]);
        top[130] = 0;
        let mut out = vec![0; 100];
        halve_rows(&top, &bottom, &mut out);
        let expected: Vec<u16> = (0..100).map(|_| 10).collect();
        // (9 + 10 + 9 + 10 + 2) / 4 = 10, and (9 + 10 + 10) / 3 = 9.67.
        assert_eq!(out, expected);
        top[131] = 3;
        halve_rows(&top, &bottom, &mut out);
        assert_eq!(out[65], 8);
    }
}
