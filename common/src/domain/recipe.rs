use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::DomainError;

/// What a cell's bands become. One recipe per task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipe {
    /// Three bands as they are, in the order red (B04), green (B03), blue (B02).
    Rgb,
}

impl Recipe {
    /// The names of all recipes, as `--recipe` takes them.
    pub const NAMES: &[&str] = &["rgb"];

    /// The name as `--recipe` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
        }
    }

    /// The bands that the recipe reads, in the order of the output's bands.
    pub fn bands(self) -> &'static [&'static str] {
        match self {
            Self::Rgb => &["B04", "B03", "B02"],
        }
    }

    /// The last part of an output's name, before its extension.
    pub fn output_suffix(self) -> &'static str {
        match self {
            Self::Rgb => "RGB",
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Recipe {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        match text {
            "rgb" => Ok(Self::Rgb),
            _ => Err(DomainError::Recipe(text.to_owned())),
        }
    }
}
