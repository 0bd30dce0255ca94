//! A tile of either grid.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{MgrsTile, Wrs2Tile};
use crate::domain::DomainError;

/// A tile: of Sentinel-2, written `48RXT`, or of Landsat, written as path and row `033032`.
///
/// ```
/// use tilefleet_common::domain::Tile;
///
/// let tile: Tile = "48RXT".parse()?;
/// assert!(matches!(tile, Tile::Mgrs(tile) if tile.zone() == 48));
/// let tile: Tile = "033032".parse()?;
/// assert!(matches!(tile, Tile::Wrs2(tile) if (tile.path(), tile.row()) == (33, 32)));
/// assert_eq!(tile.to_string(), "033032");
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Tile {
    /// A tile of Sentinel-2.
    Mgrs(MgrsTile),
    /// A path and row of Landsat.
    Wrs2(Wrs2Tile),
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mgrs(tile) => tile.fmt(f),
            Self::Wrs2(tile) => tile.fmt(f),
        }
    }
}

impl FromStr for Tile {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map(Self::Wrs2)
        } else {
            text.parse().map(Self::Mgrs)
        }
    }
}

impl From<MgrsTile> for Tile {
    fn from(tile: MgrsTile) -> Self {
        Self::Mgrs(tile)
    }
}

impl From<Wrs2Tile> for Tile {
    fn from(tile: Wrs2Tile) -> Self {
        Self::Wrs2(tile)
    }
}

impl TryFrom<String> for Tile {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<Tile> for String {
    fn from(tile: Tile) -> Self {
        tile.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_text_says_which_grid_it_is() {
        for (text, shown) in [("48RXT", "48RXT"), ("07VEG", "7VEG"), ("008059", "008059")] {
            assert_eq!(text.parse::<Tile>().unwrap().to_string(), shown);
        }
        for text in [
            "", "48", "48R", "8059", "0080590", "234001", "001249", "000001",
        ] {
            assert_eq!(
                text.parse::<Tile>(),
                Err(DomainError::Tile(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn a_tile_is_a_string_in_json() {
        let tile: Tile = "033032".parse().unwrap();
        assert_eq!(serde_json::to_string(&tile).unwrap(), "\"033032\"");
        assert_eq!(serde_json::from_str::<Tile>("\"033032\"").unwrap(), tile);
        assert!(serde_json::from_str::<Tile>("33032").is_err());
    }
}
