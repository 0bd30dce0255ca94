//! The land cover: forest, meadow, rock, towns, water, and the mosaic of fields.
#![expect(
    clippy::cast_possible_truncation,
    reason = "cells of the field mosaic, and shades"
)]

use crate::landscape::noise::{direction, fraction, gradient, hash, lerp, smoothstep};
use crate::landscape::spectrum::{self, Spectrum, mix};
use crate::landscape::terrain::{Ground, Relief};

/// Spacing of the points around which fields lie parallel, in metres.
const PARISH: f64 = 1_900.0;
/// Length and width of a block of fields, in metres.
const BLOCK: [f32; 2] = [520.0, 300.0];

/// The surface at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surface {
    /// Its reflectance on level ground.
    pub spectrum: Spectrum,
    /// Its variation from pixel to pixel, as a fraction of the reflectance.
    pub roughness: f32,
}

/// The land cover of a country on one day of the year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cover {
    seed: u32,
    day_of_year: f32,
}

impl Cover {
    /// The cover of a seed on a day of the year, 1 to 366.
    pub fn new(seed: u32, day_of_year: i16) -> Self {
        Self {
            seed,
            day_of_year: f32::from(day_of_year),
        }
    }

    /// The land cover at a place, in metres east and north.
    pub fn surface(self, east: f64, north: f64, ground: &Ground, relief: Relief) -> Surface {
        let water_edge = ground.to_river - ground.river_half_width;
        if water_edge < -12.0 {
            return Self::water(ground);
        }
        let patch = gradient(self.seed ^ 0x51, east / 310.0, north / 310.0)
            + 0.5 * gradient(self.seed ^ 0x52, east / 90.0, north / 90.0);
        let mut surface = Self::wild(ground, relief, patch);

        let tilled = smoothstep(0.17, 0.07, relief.slope + 0.06 * patch)
            * smoothstep(620.0, 430.0, ground.height);
        if tilled > 0.0 {
            let (field, is_hedge) = self.field(east, north);
            let field = if is_hedge {
                mix(&field, &spectrum::BROADLEAF, 0.4)
            } else {
                field
            };
            surface.spectrum = mix(&surface.spectrum, &field, tilled);
            surface.roughness = lerp(surface.roughness, 0.012, tilled);
        }
        if ground.town > 0.0 && relief.slope < 0.2 {
            let built = ground.town * smoothstep(-0.55, 0.1, patch + 1.2 * (ground.town - 0.5));
            surface.spectrum = mix(&surface.spectrum, &self.quarter(east, north), built);
            surface.roughness = lerp(surface.roughness, 0.05, built);
        }
        let bank = smoothstep(40.0, 0.0, water_edge + 60.0 * patch)
            * smoothstep(30.0, 90.0, ground.river_half_width);
        surface.spectrum = mix(&surface.spectrum, &spectrum::GRAVEL, 0.75 * bank);
        let wet = smoothstep(6.0, -12.0, water_edge);
        let water = Self::water(ground);
        Surface {
            spectrum: mix(&surface.spectrum, &water.spectrum, wet),
            roughness: lerp(surface.roughness, water.roughness, wet),
        }
    }

    fn water(ground: &Ground) -> Surface {
        let silt = smoothstep(20.0, 110.0, ground.river_half_width);
        let shallow = 0.12 * smoothstep(-60.0, 0.0, ground.to_river - ground.river_half_width);
        let water = mix(&spectrum::LAKE, &spectrum::RIVER, silt);
        Surface {
            spectrum: mix(&water, &spectrum::GRAVEL, shallow),
            roughness: 0.015,
        }
    }

    fn wild(ground: &Ground, relief: Relief, patch: f32) -> Surface {
        // Slopes away from the sun stay moist.
        let moisture = ground.moisture + 0.25 * (1.0 - relief.light) + 0.30 * patch;
        let forest_kind = smoothstep(650.0, 1_150.0, ground.height + 260.0 * patch);
        let forest = mix(&spectrum::BROADLEAF, &spectrum::CONIFER, forest_kind);
        let open = mix(
            &spectrum::DRY_GRASS,
            &spectrum::MEADOW,
            smoothstep(0.15, 0.55, moisture),
        );
        let wooded = smoothstep(0.30, 0.48, moisture)
            * smoothstep(1_500.0, 1_250.0, ground.height + 250.0 * patch);
        let vegetation = mix(&open, &forest, wooded);
        let bare = smoothstep(0.70, 1.10, relief.slope + 0.25 * patch).max(smoothstep(
            1_280.0,
            1_560.0,
            ground.height + 260.0 * patch,
        ));
        Surface {
            spectrum: mix(&vegetation, &spectrum::ROCK, bare),
            roughness: lerp(lerp(0.022, 0.040, wooded), 0.035, bare),
        }
    }

    /// The crop at a place, and whether the place is a field's edge.
    ///
    /// Blocks lie parallel within a parish (the Voronoi cell of a jittered point) and are cut into
    /// strips.
    fn field(self, east: f64, north: f64) -> (Spectrum, bool) {
        let parish = self.parish(east, north);
        let [cos, sin] = direction(parish >> 9);
        // Single precision holds centimetres only near zero, so distances are taken from the
        // parish's own corner.
        let (x, y) = (
            (east % (PARISH * 8.0)) as f32,
            (north % (PARISH * 8.0)) as f32,
        );
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);

        let row = (across / BLOCK[1]).floor();
        let shift = fraction(hash(parish, row as i32, 0), 3) * BLOCK[0];
        let column = ((along + shift) / BLOCK[0]).floor();
        let block = hash(parish, column as i32, row as i32);
        let (u, v) = ((along + shift) / BLOCK[0] - column, across / BLOCK[1] - row);

        let strips = 1.0 + (fraction(block, 1) * 5.0).floor();
        let lengthwise = fraction(block, 2) < 0.5;
        let (cut, width) = if lengthwise {
            (u * strips, BLOCK[0] / strips)
        } else {
            (v * strips, BLOCK[1] / strips)
        };
        let strip = cut.floor();
        let to_edge = ((cut - strip).min(strip + 1.0 - cut) * width)
            .min(u.min(1.0 - u) * BLOCK[0])
            .min(v.min(1.0 - v) * BLOCK[1]);
        (self.crop(hash(block, strip as i32, 77)), to_edge < 6.0)
    }

    fn parish(self, east: f64, north: f64) -> u32 {
        let (x, y) = (east / PARISH, north / PARISH);
        let (cell_x, cell_y) = (x as i32, y as i32);
        let mut nearest = (f32::MAX, 0);
        for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
            let point = hash(self.seed ^ 0x53, cell_x + dx, cell_y + dy);
            let px = (f64::from(cell_x + dx) - x) as f32 + fraction(point, 1);
            let py = (f64::from(cell_y + dy) - y) as f32 + fraction(point, 2);
            let distance = px * px + py * py;
            if distance < nearest.0 {
                nearest = (distance, point);
            }
        }
        nearest.1
    }

    fn crop(self, field: u32) -> Spectrum {
        let shade = lerp(0.86, 1.14, fraction(field, 4));
        // Grain ripens and is cut field by field between late June and mid-September.
        let days_to_harvest = 175.0 + 85.0 * fraction(field, 5) - self.day_of_year;
        let kind = fraction(field, 6);
        let spectrum = if kind < 0.34 {
            let ripe = mix(
                &spectrum::GREEN_CROP,
                &spectrum::RIPE_CROP,
                smoothstep(35.0, 5.0, days_to_harvest),
            );
            if days_to_harvest > 0.0 {
                ripe
            } else {
                let ploughed = smoothstep(0.0, -25.0, days_to_harvest);
                mix(&spectrum::PALE_SOIL, &spectrum::DARK_SOIL, ploughed)
            }
        } else if kind < 0.62 {
            spectrum::PADDY
        } else if kind < 0.86 {
            spectrum::GREEN_CROP
        } else {
            mix(
                &spectrum::DARK_SOIL,
                &spectrum::PALE_SOIL,
                fraction(field, 7),
            )
        };
        spectrum.map(|reflectance| reflectance * shade)
    }

    /// Blocks of houses with streets and greenery between them.
    fn quarter(self, east: f64, north: f64) -> Spectrum {
        let block = hash(
            self.seed ^ 0x54,
            (east / 70.0) as i32,
            (north / 50.0) as i32,
        );
        let house = hash(
            self.seed ^ 0x55,
            (east / 30.0) as i32,
            (north / 20.0) as i32,
        );
        let greenery = if fraction(block, 1) < 0.22 { 0.6 } else { 0.0 };
        let bright = lerp(0.82, 1.08, fraction(block, 2)) * lerp(0.8, 1.15, fraction(house, 3));
        let tiled_red = [1.0, 1.0, lerp(0.96, 1.08, fraction(block, 4)), 1.0];
        let town: Spectrum =
            std::array::from_fn(|band| spectrum::TOWN[band] * bright * tiled_red[band]);
        mix(&town, &spectrum::MEADOW, greenery)
    }
}
