//! The terrain: mountains, and rivers that have cut plains into them.
//!
//! It depends on map coordinates only, so neighbouring tiles fit together and every date of a tile
//! shows the same ground. Lengths are in metres.

use crate::landscape::noise::{fractal, lerp, ridged, smoothstep};

/// The ground at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// Height above sea level in metres.
    pub height: f32,
    /// Distance from the middle of the nearest river in metres, roughly; large if there is none
    /// near.
    pub to_river: f32,
    /// Half the width of that river here, in metres.
    pub river_half_width: f32,
    /// 0 for dry ground to 1 for moist.
    pub moisture: f32,
    /// 0 in the open country to 1 in the middle of a town.
    pub town: f32,
}

/// The slowly varying fields that shape the ground at one place: see [`Terrain::setting`].
pub type Setting = [f32; 8];

/// A country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terrain {
    seed: u32,
}

impl Terrain {
    /// The country of a seed.
    pub fn new(seed: u32) -> Self {
        Self { seed }
    }

    /// The slow part of the ground at a place, in metres east and north: fit for interpolation.
    pub fn setting(&self, east: f64, north: f64) -> Setting {
        let (x, y) = (east / 1000.0, north / 1000.0);
        let field = |purpose: u32, width: f64, octaves: u32, gain: f32, (x, y): (f64, f64)| {
            fractal(
                self.seed.wrapping_add(purpose * 101),
                x / width,
                y / width,
                octaves,
                gain,
            )
        };
        // A swirl moves each place first; without it the terrain would look like plain noise.
        let swirl = |purpose: u32| 0.85 * field(purpose, 4.6, 3, 0.4, (x, y));
        let (east_swirl, north_swirl) = (swirl(1), swirl(2));
        let moved = (x + f64::from(east_swirl), y + f64::from(north_swirl));
        [
            east_swirl,
            north_swirl,
            field(3, 15.0, 2, 0.4, moved),
            field(4, 19.0, 2, 0.3, moved),
            field(5, 4.1, 2, 0.4, moved),
            field(8, 2.7, 2, 0.5, (x, y)),
            field(9, 2.4, 4, 0.55, (x, y)),
            field(10, 2.6, 4, 0.5, (x, y)),
        ]
    }

    /// The ground at a place whose [`Terrain::setting`] is known.
    pub fn ground(&self, east: f64, north: f64, setting: &Setting) -> Ground {
        let [
            east_swirl,
            north_swirl,
            range,
            river,
            brook,
            width,
            damp,
            settled,
        ] = *setting;
        let (x, y) = (east / 1000.0, north / 1000.0);
        let seed = |purpose: u32| self.seed.wrapping_add(purpose * 101);

        let range = smoothstep(-0.32, 0.22, range);
        // Rivers are where the noise is zero; next to it the noise rises by about one in 13 km.
        let to_main_river = river.abs() * 13_000.0;
        let to_brook = brook.abs() * 2_900.0;
        let valley = smoothstep(150.0, 3_900.0, to_main_river);
        let gully = lerp(0.35, 1.0, smoothstep(0.0, 700.0, to_brook));

        // Ridges follow the swirl only half-way, or it would draw them out into streaks.
        let (ridge_x, ridge_y) = (
            x + 0.5 * f64::from(east_swirl),
            y + 0.5 * f64::from(north_swirl),
        );
        let ridge = ridged(seed(6), ridge_x / 4.4, ridge_y / 4.4, 6);
        let hills = 0.5 + 0.5 * fractal(seed(7), x / 1.1, y / 1.1, 4, 0.5);
        let relief = lerp(0.14, 1.0, range) * valley;
        let height =
            240.0 + 1_350.0 * relief * ridge * gully + 75.0 * hills * lerp(0.08, 1.0, valley);

        let main_half_width = 60.0 + 110.0 * smoothstep(-0.4, 0.6, width);
        // Brooks dwindle on their way up.
        let brook_half_width = 16.0 * smoothstep(600.0, 330.0, height);
        let (to_river, river_half_width) =
            if to_main_river - main_half_width < to_brook - brook_half_width {
                (to_main_river, main_half_width)
            } else {
                (to_brook, brook_half_width)
            };
        Ground {
            height,
            to_river,
            river_half_width,
            moisture: (0.52 + 0.55 * damp - (height - 600.0) / 4_000.0).clamp(0.0, 1.0),
            town: smoothstep(0.22, 0.42, settled - valley * 0.7),
        }
    }
}

/// How steep the ground is and how the sun strikes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relief {
    /// Rise over run.
    pub slope: f32,
    /// Sunlight relative to level ground: above 1 on slopes that face the sun.
    pub light: f32,
}

/// Direction *to* the sun (east, north, up): south-east and 45 degrees high, as at a mid-morning
/// overpass.
pub const SUN: [f32; 3] = [0.454_519_5, -0.541_675_2, 0.707_106_77];

/// Lights the ground from its rise per metre eastwards and northwards.
pub fn relief(rise_east: f32, rise_north: f32) -> Relief {
    let slope_squared = rise_east * rise_east + rise_north * rise_north;
    let facing = (SUN[2] - rise_east * SUN[0] - rise_north * SUN[1]) / (1.0 + slope_squared).sqrt();
    // A quarter of the light comes from the sky and reaches shaded slopes too.
    Relief {
        slope: slope_squared.sqrt(),
        light: 0.25 + 0.75 * (facing / SUN[2]).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_ground_has_plain_light_and_slopes_to_the_sun_more() {
        assert!((relief(0.0, 0.0).light - 1.0).abs() < 1e-6);
        assert!(relief(-0.3, 0.3).light > 1.1 && relief(0.3, -0.3).light < 0.8);
    }

    #[test]
    fn a_country_is_the_same_on_every_visit() {
        let ground = |seed| {
            let terrain = Terrain::new(seed);
            let (east, north) = (604_321.0, 3_254_321.0);
            terrain.ground(east, north, &terrain.setting(east, north))
        };
        assert_eq!(ground(5), ground(5));
        assert_ne!(ground(5), ground(6));
    }
}
