//! The place of a tile: from its MGRS square to its corner in the Sentinel-2 tiling grid.
//!
//! Letters after NGA.SIG.0012, "Universal Grids and the Transverse Mercator and Polar Stereographic
//! Map Projections", section 10. Sentinel-2 tiles start at the north-west corner of a 100 km
//! square, moved outwards to the next multiple of 60 m so that its 10, 20 and 60 m grids share one
//! corner, and are 109.8 km wide.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// Letters of the grid: `I` and `O` are left out because they look like digits.
const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Width of an MGRS square in metres.
const SQUARE: i32 = 100_000;
/// Northing letters repeat after this many metres.
const NORTHING_CYCLE: i32 = 20 * SQUARE;
/// Common multiple of the three Sentinel-2 pixel sizes.
const GRID: i32 = 60;
/// False northing of the southern UTM zones.
const SOUTHERN_OFFSET: i32 = 10_000_000;

/// A Sentinel-2 tile, e.g. `48RXT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    zone: u8,
    band: u8,
    column: u8,
    row: u8,
}

impl Tile {
    /// UTM zone, 1 to 60.
    pub fn zone(self) -> u8 {
        self.zone
    }

    /// Latitude band, `C` to `X`.
    pub fn latitude_band(self) -> char {
        char::from(self.band)
    }

    /// The two letters of the 100 km square.
    pub fn square(self) -> String {
        [self.column, self.row].map(char::from).iter().collect()
    }

    /// EPSG code of the tile's WGS 84 / UTM zone: 326zz in the north, 327zz in the south.
    pub fn epsg(self) -> u16 {
        let hemisphere = if self.is_southern() { 32_700 } else { 32_600 };
        hemisphere + u16::from(self.zone)
    }

    /// Easting and northing in metres of the tile's north-west corner.
    pub fn origin(self) -> (i32, i32) {
        let west = self.square_easting();
        let north = self.square_northing() + SQUARE;
        let offset = if self.is_southern() {
            SOUTHERN_OFFSET
        } else {
            0
        };
        // Rounding the negated value down rounds the value up; southern tiles align to the equator
        // too.
        let aligned_north = offset - (offset - north).div_euclid(GRID) * GRID;
        (west.div_euclid(GRID) * GRID, aligned_north)
    }

    fn is_southern(self) -> bool {
        self.band < b'N'
    }

    fn square_easting(self) -> i32 {
        // Columns run A-H, J-R, S-Z in turn from zone to zone and start at 100 km.
        let first = 8 * (i32::from(self.zone) - 1).rem_euclid(3);
        (letter_index(self.column) - first + 1) * SQUARE
    }

    fn square_northing(self) -> i32 {
        let shift = if self.zone.is_multiple_of(2) { 5 } else { 0 };
        let within_cycle = (letter_index(self.row) - shift).rem_euclid(20) * SQUARE;
        // The letters do not determine the multiple of 2,000 km. A latitude band is only 890 km
        // high, so the candidate nearest to its middle is the right one, even with the rough 111 km
        // to a degree.
        let middle_latitude = -76 + 8 * (letter_index(self.band) - letter_index(b'C'));
        let offset = if self.is_southern() {
            SOUTHERN_OFFSET
        } else {
            0
        };
        let middle = middle_latitude * 111_000 + offset;
        let cycles = (middle - within_cycle + NORTHING_CYCLE / 2).div_euclid(NORTHING_CYCLE);
        within_cycle + cycles * NORTHING_CYCLE
    }
}

fn letter_index(letter: u8) -> i32 {
    LETTERS
        .iter()
        .zip(0..)
        .find_map(|(&known, index)| (known == letter).then_some(index))
        .unwrap_or(-1)
}

impl FromStr for Tile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Tile {
            tile: text.to_owned(),
            why,
        };
        let (zone, letters) = text
            .split_at_checked(2)
            .ok_or_else(|| refuse("it does not start with two digits"))?;
        let zone: u8 = zone
            .parse()
            .map_err(|_| refuse("it does not start with two digits"))?;
        if !(1..=60).contains(&zone) {
            return Err(refuse("its zone is not in 01 to 60"));
        }
        let &[band, column, row] = letters.as_bytes() else {
            return Err(refuse("three letters must follow the zone"));
        };
        if letter_index(band) < letter_index(b'C') || letter_index(band) > letter_index(b'X') {
            return Err(refuse("its latitude band is not in C to X"));
        }
        let tile = Self {
            zone,
            band,
            column,
            row,
        };
        if letter_index(column) < 0 || !(SQUARE..=8 * SQUARE).contains(&tile.square_easting()) {
            return Err(refuse("its zone has no such column"));
        }
        if !(0..20).contains(&letter_index(row)) {
            return Err(refuse("there is no such row"));
        }
        Ok(tile)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02}{}{}",
            self.zone,
            self.latitude_band(),
            self.square()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(text: &str) -> Tile {
        text.parse().unwrap()
    }

    #[test]
    fn origins_agree_with_the_corners_of_published_products() {
        for (name, epsg, origin) in [
            ("19UDP", 32619, (399_960, 5_400_000)),
            ("29UNU", 32629, (499_980, 5_900_040)),
            ("53DMB", 32753, (399_960, 2_200_000)),
            ("55JGF", 32755, (699_960, 6_600_040)),
            ("31UFS", 32631, (600_000, 5_700_000)),
            ("32TLS", 32632, (300_000, 5_200_020)),
            ("13TDE", 32613, (399_960, 4_500_000)),
        ] {
            assert_eq!(
                (tile(name).epsg(), tile(name).origin()),
                (epsg, origin),
                "{name}"
            );
        }
    }

    #[test]
    fn neighbours_are_a_square_apart() {
        let (west, north) = tile("48RXT").origin();
        assert_eq!(tile("48RYT").origin(), (west + 99_960, north));
        let (_, further_north) = tile("48RXU").origin();
        assert!((further_north - north - SQUARE).abs() < GRID);
    }

    #[test]
    fn what_is_no_tile_is_refused_with_its_name() {
        for (text, why) in [
            ("48", "three letters"),
            ("4", "two digits"),
            ("61RXT", "zone"),
            ("48IXT", "latitude band"),
            ("48RAT", "column"),
            ("48RXW", "row"),
            ("4\u{e9}RXT", "two digits"),
        ] {
            let message = text.parse::<Tile>().unwrap_err().to_string();
            assert!(
                message.contains(why) && message.contains(&format!("{text:?}")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_tile_reads_back_as_it_is_written() {
        assert_eq!(tile("01CDH").to_string(), "01CDH");
    }
}
