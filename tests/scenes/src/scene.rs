//! One tile on one day, and the samples of its bands.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "digital numbers are clamped to their range before they are converted, and indices stay below 2^24"
)]

use jiff::civil::Date;

use crate::georeference::Georeference;
use crate::landscape::cloud::Sky;
use crate::landscape::coarse::Coarse;
use crate::landscape::cover::Cover;
use crate::landscape::noise::{deviate, hash, lerp};
use crate::landscape::spectrum::{self, Band, QUANTIFICATION};
use crate::landscape::terrain::{Ground, Terrain, relief};
use crate::mgrs::Tile;
use crate::swath::Swath;

/// Width of a pixel in metres.
pub const PIXEL: f64 = 10.0;
/// Pixels along the side of a real tile at 10 m.
pub const FULL_SIZE: u32 = 10_980;
/// Largest digital number: the bands have fifteen bits.
pub const MAX_SAMPLE: u16 = 0x7fff;

/// Noise of the instrument in a dark pixel, in digital numbers.
const DARK_NOISE: f32 = 5.0;
/// Growth of the noise's variance with signal (photon noise), in digital numbers.
const SHOT_NOISE: f32 = 0.10;

/// A scene to generate: equal values give equal samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scene {
    /// The tile. Tiles of one seed lie in one country.
    pub tile: Tile,
    /// The day of acquisition.
    pub date: Date,
    /// Width and height in pixels, counted from the tile's north-west corner; [`FULL_SIZE`] is the
    /// whole tile.
    pub size: u32,
    /// Seed of the landscape.
    pub seed: u64,
    /// The part of the tile that has data.
    pub swath: Swath,
}

impl Scene {
    /// The scene of a tile on a day, under that day's weather and with that day's swath.
    pub fn new(tile: Tile, date: Date, size: u32, seed: u64) -> Self {
        let scene = Self {
            tile,
            date,
            size,
            seed,
            swath: Swath::Full,
        };
        Self {
            swath: Swath::of_day(scene.day_seed()),
            ..scene
        }
    }

    /// Where the scene lies.
    pub fn georeference(&self) -> Georeference {
        let (west, north) = self.tile.origin();
        Georeference {
            epsg: self.tile.epsg(),
            west: west.into(),
            north: north.into(),
            pixel: PIXEL,
        }
    }

    /// The sky over the scene.
    pub fn sky(&self) -> Sky {
        Sky::new(self.day_seed())
    }

    /// Digital numbers of one band, `size` x `size` in row order from the north-west: 0 for no
    /// data, else 1 to [`MAX_SAMPLE`], reflectance times 10,000.
    pub fn samples(&self, band: Band) -> Vec<u16> {
        let size = self.size as usize;
        let terrain = Terrain::new(self.country_seed());
        let cover = Cover::new(self.country_seed(), self.date.day_of_year());
        let sky = self.sky();
        let noise_seed = hash(self.day_seed(), band.index() as i32, 5);
        let grain_seed = self.country_seed() ^ 0x6a;

        let Georeference { west, north, .. } = self.georeference();
        let columns = size + 1;
        let place = |x: f64, y: f64| (west + (x + 0.5) * PIXEL, north - (y + 0.5) * PIXEL);
        let mut settings = Coarse::new(
            |x, y| {
                let (east, north) = place(x, y);
                terrain.setting(east, north)
            },
            columns,
        );
        let mut outlines = Coarse::new(
            |x, y| {
                let (east, north) = place(x, y);
                sky.outlines(east, north)
            },
            columns,
        );
        // One column and one row more than the scene: slopes are differences to the next pixel.
        let mut survey = |row: usize| -> Vec<Ground> {
            let settings = settings.row(row);
            settings
                .iter()
                .enumerate()
                .map(|(column, setting)| {
                    let (east, north) = place(column as f64, row as f64);
                    terrain.ground(east, north, setting)
                })
                .collect()
        };

        let mut samples = vec![0; size * size];
        let mut next = survey(0);
        for (row, line) in samples.chunks_mut(size.max(1)).enumerate() {
            let here = std::mem::replace(&mut next, survey(row + 1));
            let outlines = outlines.row(row);
            let valid = self.swath.columns(row as u32, self.size, band);
            for column in valid.start as usize..valid.end as usize {
                let ground = &here[column];
                let pixel = PIXEL as f32;
                let relief = relief(
                    (here[column + 1].height - ground.height) / pixel,
                    (ground.height - next[column].height) / pixel,
                );
                let (east, north) = place(column as f64, row as f64);
                let surface = cover.surface(east, north, ground, relief);
                // Grain belongs to the ground, so it is the same in all bands and on all days;
                // noise is not.
                let (map_x, map_y) = ((east / PIXEL) as i32, (north / PIXEL) as i32);
                let grain = 1.0 + surface.roughness * deviate(hash(grain_seed, map_x, map_y));
                let veil = sky.veil(east, north, outlines[column]);
                let lit = surface.spectrum[band.index()] * grain * relief.light * veil.sunlight;
                let seen = lerp(
                    lit,
                    spectrum::CLOUD[band.index()] * veil.brightness,
                    veil.opacity,
                );

                let signal = seen.max(0.0) * QUANTIFICATION;
                let sigma = (DARK_NOISE * DARK_NOISE + SHOT_NOISE * signal).sqrt();
                let noise = sigma * deviate(hash(noise_seed, map_x, map_y));
                line[column] = (signal + noise).clamp(1.0, f32::from(MAX_SAMPLE)) as u16;
            }
        }
        samples
    }

    fn country_seed(&self) -> u32 {
        hash(0x5eed, self.seed as i32, (self.seed >> 32) as i32)
    }

    fn day_seed(&self) -> u32 {
        let day = i32::from(self.date.year()) * 400 + i32::from(self.date.day_of_year());
        let (west, north) = self.tile.origin();
        hash(
            hash(self.country_seed(), day, i32::from(self.tile.epsg())),
            west,
            north,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jp2::encode::{Coding, jp2};
    use crate::swath::Edge;

    fn scene(size: u32) -> Scene {
        let scene = Scene::new(
            "48RXT".parse().unwrap(),
            jiff::civil::date(2020, 8, 1),
            size,
            1,
        );
        Scene {
            swath: Swath::Full,
            ..scene
        }
    }

    #[test]
    fn equal_scenes_have_equal_samples_and_others_do_not() {
        let samples = |seed| Scene { seed, ..scene(64) }.samples(Band::B02);
        assert_eq!(samples(1), samples(1));
        assert_ne!(samples(1), samples(2));
    }

    #[test]
    fn a_smaller_scene_is_the_corner_of_a_larger_one() {
        let (small, large) = (scene(40).samples(Band::B04), scene(64).samples(Band::B04));
        for (row, line) in small.chunks(40).enumerate() {
            assert_eq!(line, &large[row * 64..row * 64 + 40], "row {row}");
        }
    }

    #[test]
    fn no_data_lies_beyond_the_swath_and_nowhere_else() {
        let swath = Swath::West(Edge {
            north: 0.8,
            south: 0.4,
        });
        for band in Band::VISIBLE {
            let samples = Scene {
                swath,
                ..scene(128)
            }
            .samples(band);
            for (row, line) in samples.chunks(128).enumerate() {
                let valid = swath.columns(row as u32, 128, band);
                let has_data = |column: usize| valid.contains(&(column as u32));
                assert!(
                    line.iter()
                        .enumerate()
                        .all(|(column, &sample)| (sample != 0) == has_data(column))
                );
            }
        }
    }

    #[test]
    fn compressed_size_is_that_of_a_dense_real_band() {
        // Published dense 10 m bands are 115 to 132 MB of 10,980 x 10,980 pixels.
        let scene = scene(512);
        for band in Band::VISIBLE {
            let file = jp2(
                &scene.samples(band),
                512,
                512,
                &scene.georeference(),
                &Coding::default(),
            )
            .unwrap();
            let bits = file.len() as f64 * 8.0 / f64::from(512 * 512);
            assert!(
                (7.0..8.7).contains(&bits),
                "{band} takes {bits:.2} bits per pixel"
            );
        }
    }

    #[test]
    fn bands_are_correlated_as_bands_are() {
        let (blue, red) = (scene(256).samples(Band::B02), scene(256).samples(Band::B04));
        let mean = |samples: &[u16]| {
            samples.iter().map(|&s| f64::from(s)).sum::<f64>() / samples.len() as f64
        };
        let covariance = |a: &[u16], b: &[u16]| {
            let (mean_a, mean_b) = (mean(a), mean(b));
            a.iter()
                .zip(b)
                .map(|(&a, &b)| (f64::from(a) - mean_a) * (f64::from(b) - mean_b))
                .sum::<f64>()
        };
        let correlation =
            covariance(&blue, &red) / (covariance(&blue, &blue) * covariance(&red, &red)).sqrt();
        assert!(correlation > 0.85, "correlation {correlation:.3}");
    }
}
