//! Statistics of a band, exact for integers and independent of the order in which its pixels arrive.

use crate::sample::Sample;

/// What is known of the valid samples of a part of a band.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    pixels: u64,
    valid: u64,
    minimum: f64,
    maximum: f64,
    sums: Sums,
}

#[derive(Clone, Debug, PartialEq)]
enum Sums {
    /// Of integers: their sum and that of their squares. Parts may be added in any order.
    Exact { sum: i128, squares: u128 },
    /// Of floating-point numbers: their mean, and the sum of the squares of the differences to it.
    /// The result depends on the order of the parts, in the last bits.
    Rounded { mean: f64, squares: f64 },
}

/// A type of samples that has statistics.
pub trait Measure: Sample {
    /// The moments of these samples.
    fn moments(samples: &[Self], nodata: Self) -> Moments;
}

/// Samples that are summed before the sums grow wider: 2^12 sums of 16-bit numbers fit into 32 bits.
const SUMMED: usize = 1 << 12;

macro_rules! integer_moments {
    ($sample:ty) => {
        impl Measure for $sample {
            fn moments(samples: &[Self], nodata: Self) -> Moments {
                let (mut sum, mut squares, mut valid) = (0_i64, 0_u64, 0_u64);
                let (mut lowest, mut highest) = (Self::MAX, Self::MIN);
                for samples in samples.chunks(SUMMED) {
                    // Plain loops over one sum each are what compilers turn into vector
                    // instructions. Nodata is replaced by what changes nothing.
                    let or = |other: Self| {
                        samples
                            .iter()
                            .map(move |&sample| if sample == nodata { other } else { sample })
                    };
                    sum += i64::from(or(0).map(i32::from).sum::<i32>());
                    squares += or(0)
                        .map(|sample| {
                            let size = u32::from(sample.abs_diff(0));
                            u64::from(size * size)
                        })
                        .sum::<u64>();
                    valid += u64::from(
                        samples
                            .iter()
                            .map(|&sample| u32::from(sample != nodata))
                            .sum::<u32>(),
                    );
                    lowest = or(Self::MAX).fold(lowest, Self::min);
                    highest = or(Self::MIN).fold(highest, Self::max);
                }
                Moments {
                    pixels: samples.len() as u64,
                    valid,
                    minimum: lowest.into(),
                    maximum: highest.into(),
                    sums: Sums::Exact {
                        sum: sum.into(),
                        squares: squares.into(),
                    },
                }
            }
        }
    };
}

integer_moments!(u8);
integer_moments!(u16);
integer_moments!(i16);

impl Measure for f32 {
    fn moments(samples: &[Self], nodata: Self) -> Moments {
        let valid = || {
            samples
                .iter()
                .filter(move |sample| !sample.is_nodata(nodata))
                .map(|&sample| f64::from(sample))
        };
        let (mut count, mut sum) = (0_u64, 0.0);
        let (mut minimum, mut maximum) = (f64::INFINITY, f64::NEG_INFINITY);
        for sample in valid() {
            count += 1;
            sum += sample;
            minimum = minimum.min(sample);
            maximum = maximum.max(sample);
        }
        // The differences to the mean, in a second pass: squares of large samples would swallow
        // them.
        let mean = sum / float(count.max(1).into());
        let squares = valid().map(|sample| (sample - mean) * (sample - mean));
        Moments {
            pixels: samples.len() as u64,
            valid: count,
            minimum,
            maximum,
            sums: Sums::Rounded {
                mean,
                squares: squares.sum(),
            },
        }
    }
}

impl Moments {
    /// The moments of all parts of a band, which are of one type and in the order of the image.
    pub(crate) fn total<'m>(parts: impl IntoIterator<Item = &'m Self>) -> Option<Self> {
        parts.into_iter().fold(None, |total, part| {
            Some(total.map_or_else(|| part.clone(), |total: Self| total.with(part)))
        })
    }

    fn with(self, other: &Self) -> Self {
        let valid = self.valid.saturating_add(other.valid);
        let sums = match (self.sums, &other.sums) {
            (Sums::Exact { sum, squares }, Sums::Exact { sum: s, squares: q }) => Sums::Exact {
                sum: sum.saturating_add(*s),
                squares: squares.saturating_add(*q),
            },
            (sums, _) if other.valid == 0 => sums,
            (_, sums) if self.valid == 0 => sums.clone(),
            // Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
            // sample variances", 1979.
            (
                Sums::Rounded { mean, squares },
                Sums::Rounded {
                    mean: m,
                    squares: q,
                },
            ) => {
                let share = float(other.valid.into()) / float(valid.into());
                let difference = m - mean;
                Sums::Rounded {
                    mean: mean + difference * share,
                    squares: squares
                        + q
                        + difference * difference * share * float(self.valid.into()),
                }
            }
            (sums, _) => sums,
        };
        Self {
            pixels: self.pixels.saturating_add(other.pixels),
            valid,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
            sums,
        }
    }

    pub(crate) fn statistics(&self) -> BandStatistics {
        let pixels = u128::from(self.valid);
        let spread = (pixels > 0).then(|| {
            let (mean, standard_deviation) = match self.sums {
                Sums::Exact { sum, squares } => {
                    // n·Σx² − (Σx)² is n² times the variance; integers, so that only the last
                    // steps round.
                    let size = sum.unsigned_abs();
                    let scaled = (pixels * squares).saturating_sub(size * size);
                    let mean = float(size) / float(pixels);
                    let mean = if sum < 0 { -mean } else { mean };
                    (mean, float(scaled).sqrt() / float(pixels))
                }
                Sums::Rounded { mean, squares } => (mean, (squares / float(pixels)).sqrt()),
            };
            Spread {
                minimum: self.minimum,
                maximum: self.maximum,
                mean,
                standard_deviation,
            }
        });
        BandStatistics {
            pixels: self.pixels,
            valid_pixels: self.valid,
            spread,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rounding to the nearest double is what is wanted"
)]
fn float(value: u128) -> f64 {
    value as f64
}

/// Statistics of one band of the output; pixels that are nodata count only in `pixels`.
#[derive(Clone, Debug, PartialEq)]
pub struct BandStatistics {
    /// All pixels of the band.
    pub pixels: u64,
    /// Pixels that are not nodata.
    pub valid_pixels: u64,
    /// `None` without a valid pixel.
    pub spread: Option<Spread>,
}

/// Where the valid samples of a band lie, as the samples are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Smallest valid sample.
    pub minimum: f64,
    /// Largest valid sample.
    pub maximum: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Of the population, as GDAL computes it, not of a sample.
    pub standard_deviation: f64,
}

impl BandStatistics {
    /// Share of valid pixels, 0 to 100.
    pub fn valid_percent(&self) -> f64 {
        if self.pixels == 0 {
            return 0.0;
        }
        100.0 * float(self.valid_pixels.into()) / float(self.pixels.into())
    }

    /// As metadata items of a band, with the names that GDAL and QGIS look for (GDAL raster data
    /// model).
    pub(crate) fn items(&self) -> Vec<(&'static str, String)> {
        let mut items = Vec::new();
        if let Some(spread) = &self.spread {
            items.push(("STATISTICS_MINIMUM", spread.minimum.to_string()));
            items.push(("STATISTICS_MAXIMUM", spread.maximum.to_string()));
            items.push(("STATISTICS_MEAN", spread.mean.to_string()));
            items.push(("STATISTICS_STDDEV", spread.standard_deviation.to_string()));
        }
        items.push(("STATISTICS_VALID_PERCENT", self.valid_percent().to_string()));
        items
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Statistics by another way: counts of each value.
    fn by_counting(samples: &[u16], nodata: u16) -> BandStatistics {
        let mut counts = BTreeMap::new();
        for sample in samples.iter().filter(|&&sample| sample != nodata) {
            *counts.entry(*sample).or_insert(0_u128) += 1;
        }
        let valid: u128 = counts.values().sum();
        let range = counts.first_key_value().zip(counts.last_key_value());
        let spread = range.map(|((&minimum, _), (&maximum, _))| {
            let sum = |power| -> u128 {
                let terms = counts
                    .iter()
                    .map(|(&value, &count)| u128::from(value).pow(power) * count);
                terms.sum()
            };
            let scaled = valid * sum(2) - sum(1) * sum(1);
            Spread {
                minimum: minimum.into(),
                maximum: maximum.into(),
                mean: float(sum(1)) / float(valid),
                standard_deviation: float(scaled).sqrt() / float(valid),
            }
        });
        BandStatistics {
            pixels: samples.len() as u64,
            valid_pixels: u64::try_from(valid).unwrap(),
            spread,
        }
    }

    fn of<T: Measure>(samples: &[T], nodata: T) -> BandStatistics {
        T::moments(samples, nodata).statistics()
    }

    #[test]
    fn nodata_is_left_out_but_counted_in_the_share() {
        let statistics = of(&[0_u16, 2, 4, 4, 4, 5, 5, 7, 9, 0], 0);
        let spread = Spread {
            minimum: 2.0,
            maximum: 9.0,
            mean: 5.0,
            standard_deviation: 2.0,
        };
        assert_eq!(
            statistics,
            BandStatistics {
                pixels: 10,
                valid_pixels: 8,
                spread: Some(spread.clone())
            }
        );
        assert!((statistics.valid_percent() - 80.0).abs() < 1e-12);
        let nan = f32::NAN;
        assert_eq!(
            of(&[nan, 2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, nan], nan),
            statistics
        );
        let shifted = [-9_i16, -3, -1, -1, -1, 0, 0, 2, 4, -9];
        assert_eq!(
            of(&shifted, -9).spread,
            Some(Spread {
                minimum: -3.0,
                maximum: 4.0,
                mean: 0.0,
                ..spread
            })
        );
    }

    #[test]
    fn a_band_of_nodata_has_no_spread() {
        let expected = [("STATISTICS_VALID_PERCENT", "0".to_owned())];
        assert_eq!(of(&[0_u16; 4], 0).items(), expected);
        assert_eq!(of(&[f32::NAN; 4], -1.0).items(), expected);
    }

    #[test]
    fn sums_of_parts_say_what_counts_of_the_whole_say() {
        let samples: Vec<u16> = (0_u32..20_000)
            .map(|at| u16::try_from(at.wrapping_mul(at) % 65_521).unwrap())
            .collect();
        for samples in [
            &samples[..],
            &samples[..100],
            &[0, 0],
            &[0, u16::MAX],
            &vec![u16::MAX; 9000],
            &[1],
        ] {
            for nodata in [0, 1, u16::MAX] {
                let (one, other) = samples.split_at(samples.len() / 3);
                let parts = [u16::moments(other, nodata), u16::moments(one, nodata)];
                let total = Moments::total(&parts).unwrap();
                assert_eq!(total.statistics(), by_counting(samples, nodata));
            }
        }
    }

    #[test]
    fn parts_of_floating_point_numbers_add_up() {
        let samples: Vec<f32> = (0..5000_u16).map(|at| 1e6 + f32::from(at % 97)).collect();
        let parts: Vec<_> = samples
            .chunks(611)
            .map(|part| f32::moments(part, 0.0))
            .collect();
        let total = Moments::total(&parts).unwrap().statistics();
        let whole = of(&samples, 0.0);
        let deviation = |it: &BandStatistics| it.spread.as_ref().unwrap().standard_deviation;
        assert!((deviation(&total) - deviation(&whole)).abs() < 1e-9);
        assert!((deviation(&whole) - 28.0).abs() < 0.1);
    }

    #[test]
    fn equal_large_samples_have_no_deviation() {
        let spread = of(&vec![u16::MAX; 1000], 0)
            .spread
            .expect("there are valid samples");
        assert!(spread.standard_deviation.abs() < f64::EPSILON);
    }
}
