//! The grid that an output lies on, and how the grids of the bands lie on it.

use crate::band::Band;
use crate::error::FuseError;
use crate::georeference::{self, Georeference};
use crate::grid::band::{Ratio, Ratios};
use crate::grid::tiles::Rect;
use crate::input::header::Header;
use crate::kernel::Resolution;

/// Pixels that an output may have: 65536 x 65536.
const MOST_PIXELS: u64 = 1 << 32;

/// Where an output lies before it is cropped.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputGrid {
    /// Columns and rows. The last ones may reach beyond the bands.
    pub size: (u32, u32),
    /// Upper left x, pixel width, 0, upper left y, 0, negative pixel height, in units of the
    /// system.
    pub transform: [f64; 6],
    /// The coordinate reference system, such as `EPSG:32629`, or its name if it has no code.
    pub crs: String,
    /// The same as WKT.
    pub system: String,
}

impl OutputGrid {
    /// The transform of a part of the grid.
    pub fn transform_of(&self, part: Rect) -> [f64; 6] {
        let [x, width, row_rotation, y, column_rotation, height] = self.transform;
        [
            x + f64::from(part.x) * width,
            width,
            row_rotation,
            y + f64::from(part.y) * height,
            column_rotation,
            height,
        ]
    }
}

/// A band whose headers have been read.
#[derive(Clone, Copy)]
struct Placed<'a> {
    band: &'a Band,
    size: (u32, u32),
    place: &'a Georeference,
}

/// The grid of an output of this resolution, and how the pixels of each band lie on it.
///
/// The bands must have one system and one upper left corner, to a millionth of a pixel of the
/// finest. Their pixels must be small ratios of each other, and of those of the output. Each band
/// covers what the finest does, and ends in the pixel in which that ends.
///
/// # Errors
/// [`FuseError::BandMismatch`] for bands that do not go together, [`FuseError::Request`] for a
/// resolution that does not go with them.
pub(crate) fn output_grid(
    bands: &[Band],
    headers: &[&Header],
    georeferences: &[Georeference],
    resolution: &Resolution,
) -> Result<(OutputGrid, Vec<Ratios>), FuseError> {
    // The finest of all bands says where the tile ends.
    let files = bands.iter().zip(headers).zip(georeferences);
    let placed = files.map(|((band, header), place)| Placed {
        band,
        size: (header.grid.width, header.grid.height),
        place,
    });
    let placed: Vec<_> = placed.collect();
    let all: Vec<_> = (0..placed.len()).collect();
    let finest = finest(&placed, &all)?;
    let finest_band = nth(&placed, finest)?;
    georeference::agree_in_corner(bands, georeferences, finest)?;
    for band in &placed {
        covers(band, &finest_band)?;
    }

    // The pixels of the output: those of a band, or as many units as the request says.
    let [x, _, _, y, _, _] = finest_band.place.transform;
    let (transform, pixel) = match resolution {
        Resolution::Finest { of } => {
            let named = if of.is_empty() { &all } else { of };
            let place = nth(&placed, self::finest(&placed, named)?)?.place;
            (place.transform, place.pixel())
        }
        Resolution::Metres(metres) if !finest_band.place.is_in_metres() => {
            let detail = format!(
                "pixels of {metres} metres cannot be made: {} has other units; reproject the bands, \
                 or leave the resolution out",
                finest_band.place.system_name()
            );
            return Err(FuseError::Request { detail });
        }
        Resolution::Metres(metres) => ([x, *metres, 0.0, y, 0.0, -metres], (*metres, *metres)),
    };
    let ratios: Option<Vec<_>> = placed
        .iter()
        .map(|band| ratios(band.place.pixel(), pixel))
        .collect();
    let finest_ratios = ratios.as_deref().and_then(|ratios| ratios.get(finest));
    let (Some(of_finest), Some(ratios)) = (finest_ratios.copied(), ratios) else {
        let names: Vec<_> = bands.iter().map(|band| &*band.name).collect();
        let detail = format!(
            "pixels of {}x{} are no small ratio of those of each band of {}: choose another \
             resolution",
            pixel.0,
            pixel.1,
            names.join(", ")
        );
        return Err(FuseError::Request { detail });
    };
    let size = (
        of_finest.x.cover(finest_band.size.0),
        of_finest.y.cover(finest_band.size.1),
    );
    if Rect::whole(size).area() > MOST_PIXELS {
        let detail = format!(
            "its output would have {}x{} pixels, more than {MOST_PIXELS} in all",
            size.0, size.1
        );
        return Err(FuseError::Request { detail });
    }
    let grid = OutputGrid {
        size,
        transform,
        crs: finest_band.place.system_name(),
        system: finest_band.place.wkt()?,
    };
    Ok((grid, ratios))
}

fn nth<'a>(placed: &[Placed<'a>], index: usize) -> Result<Placed<'a>, FuseError> {
    placed
        .get(index)
        .copied()
        .ok_or_else(|| FuseError::Request {
            detail: format!("it has no band with the number {index}"),
        })
}

/// The band with the smallest pixels among these, the first if there are several.
fn finest(placed: &[Placed<'_>], among: &[usize]) -> Result<usize, FuseError> {
    let mut finest: Option<(usize, f64)> = None;
    for &index in among {
        let (width, height) = nth(placed, index)?.place.pixel();
        let area = width * height;
        // Less by more than what decimal numbers may differ by.
        if finest.is_none_or(|(_, smallest)| area < smallest * (1.0 - 1e-5)) {
            finest = Some((index, area));
        }
    }
    finest.map(|(index, _)| index).ok_or(FuseError::Request {
        detail: "it has no bands".into(),
    })
}

/// Fails unless a band covers what the finest does, and no more than it must.
fn covers(band: &Placed<'_>, finest: &Placed<'_>) -> Result<(), FuseError> {
    let Some(ratios) = ratios(band.place.pixel(), finest.place.pixel()) else {
        let (one, other) = (band.place, finest.place);
        return Err(one.mismatch("pixel size", band.band, other, finest.band));
    };
    let expected = (ratios.x.ceil(finest.size.0), ratios.y.ceil(finest.size.1));
    if band.size == expected {
        return Ok(());
    }
    let has = |it: &Placed<'_>| {
        let ((columns, rows), (width, height)) = (it.size, it.place.pixel());
        format!("has {columns}x{rows} pixels of {width}x{height}")
    };
    Err(FuseError::BandMismatch {
        what: "extent",
        one: Box::new(band.band.into()),
        one_has: has(band),
        other: Box::new(finest.band.into()),
        other_has: has(finest),
    })
}

/// How pixels of a band lie on those of the output.
fn ratios(band: (f64, f64), output: (f64, f64)) -> Option<Ratios> {
    Some(Ratios {
        x: ratio(band.0 / output.0)?,
        y: ratio(band.1 / output.1)?,
    })
}

/// A small ratio; nothing if the number is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is positive, and not larger than the largest numerator"
)]
fn ratio(value: f64) -> Option<Ratio> {
    // What decimal numbers of one grid may differ by. Other ratios come from whole numbers.
    if (value - 1.0).abs() <= 1e-6 {
        return Some(Ratio::ONE);
    }
    let fraction = |denominator: u32| {
        let scaled = value * f64::from(denominator);
        let numerator = scaled.round();
        let is_whole = (scaled - numerator).abs() <= numerator * 1e-9;
        let is_small = (1.0..=f64::from(Ratio::LARGEST)).contains(&numerator);
        (is_whole && is_small).then(|| Ratio::new(numerator as u32, denominator))?
    };
    (1..=Ratio::LARGEST).find_map(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_found_where_there_are_small_ones() {
        let fraction = |value| ratio(value).map(|it| (it.numerator(), it.denominator()));
        assert_eq!(fraction(20.0 / 10.0), Some((2, 1)));
        assert_eq!(fraction(10.0 / 80.0), Some((1, 8)));
        assert_eq!(fraction(10.0 / 15.0), Some((2, 3)));
        assert_eq!(fraction(10.0 / 13.7), Some((100, 137)));
        assert_eq!(fraction(1.0 + 5e-7), Some((1, 1)));
        for none in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0, 1e-4, 2.00001] {
            assert_eq!(fraction(none), None, "{none}");
        }
    }

    #[test]
    fn a_part_of_a_grid_has_its_own_corner() {
        let grid = OutputGrid {
            size: (100, 100),
            transform: [499_980.0, 20.0, 0.0, 5_900_040.0, 0.0, -20.0],
            crs: "EPSG:32629".into(),
            system: String::new(),
        };
        let part = Rect::of(3..10, 5..10);
        let [x, width, _, y, _, height] = grid.transform_of(part).map(f64::to_bits);
        assert_eq!((x, width), (500_040_f64.to_bits(), 20_f64.to_bits()));
        assert_eq!((y, height), (5_899_940_f64.to_bits(), (-20_f64).to_bits()));
    }
}
