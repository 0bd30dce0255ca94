//! The sky of one day: clouds with soft edges, thin veils, and the shadows of both.

use crate::landscape::noise::{fractal, fraction, gradient, hash, lerp, smoothstep};
use crate::landscape::terrain::SUN;

/// Height of the cloud base above the ground in metres; with the sun's height it gives the shadow's
/// distance.
const BASE: f32 = 900.0;
/// Size of a cloud in metres.
const CLOUD: f64 = 4_300.0;
/// Size of a cloud's largest bulges in metres, and how much they change its outline.
const DETAIL_WIDTH: f64 = 560.0;
const DETAIL: f32 = 0.26;
/// Octaves of bulges.
const FINE_OCTAVES: u32 = 4;

/// How clouds change the light at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Veil {
    /// Share of the pixel that shows cloud instead of ground, 0 to 1.
    pub opacity: f32,
    /// Brightness of that cloud relative to a sunlit cloud top.
    pub brightness: f32,
    /// Share of direct sunlight that reaches the ground, 0 to 1.
    pub sunlight: f32,
}

/// The clouds of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sky {
    seed: u32,
    /// Noise above this is cloud.
    threshold: f32,
    /// Offset of the pattern, in clouds.
    drift: f64,
}

impl Sky {
    /// The sky of a seed; every day has a seed of its own.
    pub fn new(seed: u32) -> Self {
        let weather = hash(seed, 0, 0);
        // From a few clouds to half overcast; clear skies are more frequent.
        let cloudiness = fraction(weather, 1);
        let threshold = lerp(0.62, 0.02, cloudiness * cloudiness);
        Self {
            seed,
            threshold,
            drift: f64::from(fraction(weather, 2)) * 800.0,
        }
    }

    /// Outlines of the clouds over a place and of those that shade it: slow, fit for interpolation.
    pub fn outlines(&self, east: f64, north: f64) -> [f32; 2] {
        let reach = f64::from(BASE / SUN[2]);
        [
            self.outline(east, north),
            self.outline(
                east + f64::from(SUN[0]) * reach,
                north + f64::from(SUN[1]) * reach,
            ),
        ]
    }

    /// How clouds change the light at a place, in metres east and north, whose [`Sky::outlines`]
    /// are known.
    pub fn veil(&self, east: f64, north: f64, outlines: [f32; 2]) -> Veil {
        let [overhead, sunwards] = outlines;
        let density = self.density(overhead, east, north, FINE_OCTAVES);
        let opacity = self.opacity(density);
        let brightness = if opacity > 0.0 {
            // Thicker towards the sun means this side lies in the cloud's own shade.
            let (sunny_east, sunny_north) = (
                east + f64::from(SUN[0]) * 170.0,
                north + f64::from(SUN[1]) * 170.0,
            );
            let towards_sun = self.density(
                self.outline(sunny_east, sunny_north),
                sunny_east,
                sunny_north,
                FINE_OCTAVES,
            );
            let body = smoothstep(0.0, 0.6, density - self.threshold);
            (lerp(0.32, 0.90, body) + 0.9 * (density - towards_sun)).clamp(0.2, 1.15)
        } else {
            1.0
        };
        let reach = f64::from(BASE / SUN[2]);
        let (shade_east, shade_north) = (
            east + f64::from(SUN[0]) * reach,
            north + f64::from(SUN[1]) * reach,
        );
        let shading = self.opacity(self.density(sunwards, shade_east, shade_north, 2));
        Veil {
            opacity,
            brightness,
            sunlight: 1.0 - 0.6 * shading,
        }
    }

    /// Share of a square of `width` metres that is mostly cloud, from a sample of it; `west` and
    /// `north` is its corner.
    pub fn coverage(&self, west: f64, north: f64, width: f64) -> f64 {
        let steps = 64_i32;
        let at = |step: i32| (f64::from(step) + 0.5) / f64::from(steps) * width;
        let cloudy: u32 = (0..steps)
            .flat_map(|row| (0..steps).map(move |column| (column, row)))
            .filter(|&(column, row)| {
                self.opacity(self.outline(west + at(column), north - at(row))) > 0.5
            })
            .map(|_| 1)
            .sum();
        f64::from(cloudy) / f64::from(steps * steps)
    }

    fn opacity(&self, density: f32) -> f32 {
        smoothstep(self.threshold, self.threshold + 0.32, density)
    }

    fn outline(&self, east: f64, north: f64) -> f32 {
        let (x, y) = (east / CLOUD + self.drift, north / CLOUD);
        // Weather fronts: some parts of a tile are clearer than others.
        0.45 * gradient(self.seed ^ 0x31, x / 4.0, y / 4.0) + fractal(self.seed, x, y, 3, 0.55)
    }

    fn density(&self, outline: f32, east: f64, north: f64, octaves: u32) -> f32 {
        // No detail can lift a sky this clear to the threshold, and most skies are.
        if outline < self.threshold - DETAIL {
            return outline;
        }
        let (x, y) = (east / DETAIL_WIDTH + self.drift, north / DETAIL_WIDTH);
        outline + DETAIL * fractal(self.seed ^ 0x32, x, y, octaves, 0.6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_ground_is_neither_veiled_nor_shaded() {
        let clear = Sky {
            threshold: 9.0,
            ..Sky::new(1)
        };
        let veil = clear.veil(6.0e5, 3.3e6, clear.outlines(6.0e5, 3.3e6));
        assert_eq!(
            veil,
            Veil {
                opacity: 0.0,
                brightness: 1.0,
                sunlight: 1.0
            }
        );
        assert!(clear.coverage(6.0e5, 3.3e6, 2.0e4).abs() < f64::EPSILON);
    }

    #[test]
    fn days_differ_in_how_cloudy_they_are() {
        let cloudy = (0..40).map(|day| Sky::new(day).coverage(6.0e5, 3.3e6, 2.0e4));
        let (least, most) = cloudy.fold((1.0_f64, 0.0_f64), |(least, most), share| {
            (least.min(share), most.max(share))
        });
        assert!(least < 0.02 && most > 0.25, "{least} to {most}");
    }
}
