//! A path and row of the Landsat grid.

use std::fmt;
use std::str::FromStr;

use crate::domain::DomainError;

/// A scene's place in the Worldwide Reference System 2 (WRS-2) of Landsat 4 to 9: one of 233 paths
/// and one of 248 rows (USGS, "Landsat Shapefiles and KML Files").
///
/// It is written as in product names, three digits each: `033032`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wrs2Tile {
    path: u8,
    row: u8,
}

impl Wrs2Tile {
    /// The path, 1 to 233.
    pub fn path(self) -> u8 {
        self.path
    }

    /// The row, 1 to 248.
    pub fn row(self) -> u8 {
        self.row
    }
}

impl fmt::Display for Wrs2Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}{:03}", self.path, self.row)
    }
}

impl FromStr for Wrs2Tile {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::Tile(text.to_owned());
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let (path, row) = text.split_at(3);
        match (path.parse(), row.parse()) {
            (Ok(path @ 1..=233), Ok(row @ 1..=248)) => Ok(Self { path, row }),
            _ => Err(wrong()),
        }
    }
}
