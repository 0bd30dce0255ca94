//! How a pixel of an overview is made of those of the level before.

use std::fmt;
use std::str::FromStr;

/// How a pixel of an overview is made of the pixels that it covers in the level before, nodata left
/// out: two by two, and up to three by three where a side is odd. The names are GDAL's, in lower
/// case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overviews {
    /// Their mean.
    #[default]
    Average,
    /// The one in the upper left, nodata or not.
    Nearest,
    /// The most frequent one; of several, the one that reached its number first, row by row. For
    /// classes.
    Mode,
}

impl fmt::Display for Overviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Average => "average",
            Self::Nearest => "nearest",
            Self::Mode => "mode",
        })
    }
}

/// The text does not name a method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a method for overviews: write average, nearest or mode")]
pub struct NotOverviews {
    text: String,
}

impl FromStr for Overviews {
    type Err = NotOverviews;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Average, Self::Nearest, Self::Mode]
            .into_iter()
            .find(|method| method.to_string() == text)
            .ok_or_else(|| NotOverviews { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_read_as_they_are_written() {
        for text in ["average", "nearest", "mode"] {
            assert_eq!(text.parse::<Overviews>().unwrap().to_string(), text);
        }
        assert_eq!(
            "cubic".parse::<Overviews>().unwrap_err().to_string(),
            "\"cubic\" is not a method for overviews: write average, nearest or mode"
        );
    }
}
