//! Statistics of a band, exact and independent of the order in which its pixels arrive.

/// Number of possible values of a sample of at most 16 bits.
#[cfg(test)]
const VALUES: usize = 1 << 16;

/// Counts of every sample value. Histograms of parts of a band can be taken in any order: the
/// result is the same.
#[cfg(test)]
pub(super) struct Histogram {
    counts: Vec<u64>,
}

#[cfg(test)]
impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; VALUES],
        }
    }

    pub(super) fn add(&mut self, samples: impl IntoIterator<Item = u16>) {
        for sample in samples {
            if let Some(count) = self.counts.get_mut(usize::from(sample)) {
                *count += 1;
            }
        }
    }

    /// Statistics of all samples but those that are `nodata`.
    pub(super) fn statistics(&self, nodata: u16) -> BandStatistics {
        let total: u64 = self.counts.iter().sum();
        let present = || {
            let values = (0_u16..=u16::MAX).zip(self.counts.iter().copied());
            values.filter(move |&(value, count)| count > 0 && value != nodata)
        };
        let valid: u64 = present().map(|(_, count)| count).sum();
        let range = present().next().zip(present().next_back());
        let spread = range.map(|((minimum, _), (maximum, _))| {
            // Integers below 2^32 pixels of 2^16 values: the sums are exact, and only the last
            // steps round.
            let sum: u128 = present()
                .map(|(value, count)| u128::from(value) * u128::from(count))
                .sum();
            let squares: u128 = present()
                .map(|(value, count)| u128::from(value).pow(2) * u128::from(count))
                .sum();
            let pixels = u128::from(valid);
            // n·Σx² − (Σx)² is n² times the variance.
            let scaled = (pixels * squares).saturating_sub(sum * sum);
            Spread {
                minimum,
                maximum,
                mean: float(sum) / float(pixels),
                standard_deviation: float(scaled).sqrt() / float(pixels),
            }
        });
        BandStatistics {
            pixels: total,
            valid_pixels: valid,
            spread,
        }
    }
}

/// Sums over the valid samples of a band, which are those that are not 0. Parts of a band can be
/// added in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pixels: u64,
    valid: u64,
    /// One less than the smallest valid sample, so that nodata, one less than 0, is the largest.
    minimum_less_one: Option<u16>,
    maximum: u16,
    sum: u128,
    squares: u128,
}

/// Samples that are summed before the sums grow wider: 2^16 samples of 2^16 values fit into 32
/// bits.
const SUMMED: usize = 1 << 12;

impl Moments {
    pub(super) fn of(samples: &[u16]) -> Self {
        let mut moments = Self::default();
        let (mut sum, mut squares, mut valid, mut lowest) = (0_u64, 0_u64, 0_u64, u16::MAX);
        for samples in samples.chunks(SUMMED) {
            // Plain loops over one sum each are what compilers turn into vector instructions.
            sum += u64::from(samples.iter().map(|&sample| u32::from(sample)).sum::<u32>());
            squares += samples
                .iter()
                .map(|&sample| u64::from(u32::from(sample) * u32::from(sample)))
                .sum::<u64>();
            valid += u64::from(
                samples
                    .iter()
                    .map(|&sample| u32::from(sample != 0))
                    .sum::<u32>(),
            );
            lowest = samples
                .iter()
                .fold(lowest, |lowest, &sample| lowest.min(sample.wrapping_sub(1)));
            moments.maximum = samples
                .iter()
                .fold(moments.maximum, |highest, &sample| highest.max(sample));
        }
        moments.pixels = samples.len() as u64;
        moments.valid = valid;
        moments.minimum_less_one = (valid > 0).then_some(lowest);
        moments.sum = sum.into();
        moments.squares = squares.into();
        moments
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.pixels = self.pixels.saturating_add(other.pixels);
        self.valid = self.valid.saturating_add(other.valid);
        let minima = self
            .minimum_less_one
            .into_iter()
            .chain(other.minimum_less_one);
        self.minimum_less_one = minima.min();
        self.maximum = self.maximum.max(other.maximum);
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
    }

    pub(super) fn statistics(&self) -> BandStatistics {
        let spread = self.minimum_less_one.map(|minimum| {
            let pixels = u128::from(self.valid);
            // n·Σx² − (Σx)² is n² times the variance; integers, so that only the last steps round.
            let scaled = (pixels * self.squares).saturating_sub(self.sum * self.sum);
            Spread {
                minimum: minimum.wrapping_add(1),
                maximum: self.maximum,
                mean: float(self.sum) / float(pixels),
                standard_deviation: float(scaled).sqrt() / float(pixels),
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
    /// Nothing if there is no valid pixel.
    pub spread: Option<Spread>,
}

/// Where the valid samples of a band lie, in digital numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Smallest valid sample.
    pub minimum: u16,
    /// Largest valid sample.
    pub maximum: u16,
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
    pub(super) fn items(&self) -> Vec<(&'static str, String)> {
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
    use super::*;

    #[test]
    fn nodata_is_left_out_but_counted_in_the_share() {
        let mut histogram = Histogram::new();
        histogram.add([0, 2, 4, 4, 4, 5, 5, 7, 9, 0]);
        let statistics = histogram.statistics(0);
        let spread = Spread {
            minimum: 2,
            maximum: 9,
            mean: 5.0,
            standard_deviation: 2.0,
        };
        assert_eq!(
            statistics,
            BandStatistics {
                pixels: 10,
                valid_pixels: 8,
                spread: Some(spread)
            }
        );
        assert!((statistics.valid_percent() - 80.0).abs() < 1e-12);
    }

    #[test]
    fn a_band_of_nodata_has_no_spread() {
        let mut histogram = Histogram::new();
        histogram.add([0; 4]);
        assert_eq!(
            histogram.statistics(0).items(),
            [("STATISTICS_VALID_PERCENT", "0".to_owned())]
        );
    }

    #[test]
    fn sums_of_parts_say_what_the_histogram_of_the_whole_says() {
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
            let mut histogram = Histogram::new();
            histogram.add(samples.iter().copied());
            let (one, other) = samples.split_at(samples.len() / 3);
            let mut moments = Moments::of(other);
            moments.add(&Moments::of(one));
            assert_eq!(moments.statistics(), histogram.statistics(0));
        }
    }

    #[test]
    fn equal_large_samples_have_no_deviation() {
        let mut histogram = Histogram::new();
        histogram.add(std::iter::repeat_n(u16::MAX, 1000));
        let spread = histogram
            .statistics(0)
            .spread
            .expect("there are valid samples");
        assert!(spread.standard_deviation.abs() < f64::EPSILON);
    }
}
