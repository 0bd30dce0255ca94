//! A tile of the Sentinel-2 grid.

use std::fmt;
use std::str::FromStr;

use crate::domain::DomainError;

/// A Sentinel-2 tile: UTM zone, latitude band and 100 km square of the Military Grid Reference
/// System (MGRS).
///
/// It is displayed without a leading zero, as the scene buckets write it.
///
/// ```
/// use tilefleet_common::domain::MgrsTile;
///
/// let tile: MgrsTile = "07VEG".parse()?;
/// assert_eq!(tile.to_string(), "7VEG");
/// assert_eq!((tile.zone(), tile.band(), tile.square()), (7, 'V', ('E', 'G')));
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MgrsTile {
    zone: u8,
    band: u8,
    square: [u8; 2],
}

impl MgrsTile {
    /// The tile of zone 1..=60, latitude band C..=X and a square such as `XT`.
    ///
    /// # Errors
    /// [`DomainError::Tile`] when a part is outside the grid. The letters I and O are never used.
    pub fn from_parts(zone: &str, band: &str, square: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::Tile(format!("{zone}{band}{square}"));
        let letter =
            |byte: u8, last: u8| (b'A'..=last).contains(&byte) && byte != b'I' && byte != b'O';
        let digits =
            (1..=2).contains(&zone.len()) && zone.bytes().all(|byte| byte.is_ascii_digit());
        let number: u8 = if digits {
            zone.parse().map_err(|_| wrong())?
        } else {
            return Err(wrong());
        };
        match (band.as_bytes(), square.as_bytes()) {
            (&[band], &[column, row])
                if (1..=60).contains(&number)
                    && letter(band, b'X')
                    && band >= b'C'
                    && letter(column, b'Z')
                    && letter(row, b'V') =>
            {
                Ok(Self {
                    zone: number,
                    band,
                    square: [column, row],
                })
            }
            _ => Err(wrong()),
        }
    }

    /// UTM zone, 1 to 60.
    pub fn zone(self) -> u8 {
        self.zone
    }

    /// Latitude band, C to X.
    pub fn band(self) -> char {
        char::from(self.band)
    }

    /// Column and row letter of the 100 km square.
    pub fn square(self) -> (char, char) {
        (char::from(self.square[0]), char::from(self.square[1]))
    }
}

impl fmt::Display for MgrsTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, row) = self.square();
        write!(f, "{}{}{column}{row}", self.zone, self.band())
    }
}

impl FromStr for MgrsTile {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::Tile(text.to_owned());
        let letters = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (zone, rest) = text.split_at(letters);
        let (band, square) = rest.split_at_checked(1).ok_or_else(wrong)?;
        Self::from_parts(zone, band, square).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_read_with_or_without_a_leading_zero() {
        assert_eq!("48RXT".parse::<MgrsTile>().unwrap().to_string(), "48RXT");
        assert_eq!(
            "07VEG".parse::<MgrsTile>().unwrap(),
            "7VEG".parse().unwrap()
        );
    }

    #[test]
    fn tiles_outside_the_grid_are_refused() {
        for text in [
            "", "48", "48R", "48RX", "48RXTT", "0RXT", "61RXT", "48IXT", "48RXW", "48rxt", "+8RXT",
            "48Ré",
        ] {
            assert_eq!(
                text.parse::<MgrsTile>(),
                Err(DomainError::Tile(text.to_owned()))
            );
        }
    }
}
