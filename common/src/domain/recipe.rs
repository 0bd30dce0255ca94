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
    /// Nothing: no band is read, and a small object says which cell it was. What is left of a
    /// cell's cost is the fleet's.
    Probe,
}

impl Recipe {
    /// The names of all recipes, as `--recipe` takes them.
    pub const NAMES: &[&str] = &["rgb", "probe"];

    /// The name as `--recipe` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Probe => "probe",
        }
    }

    /// The bands that the recipe reads, in the order of the output's bands.
    pub fn bands(self) -> &'static [&'static str] {
        match self {
            Self::Rgb => &["B04", "B03", "B02"],
            Self::Probe => &[],
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
            "probe" => Ok(Self::Probe),
            _ => Err(DomainError::Recipe(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_the_name_by_which_it_is_asked_for() {
        for name in Recipe::NAMES {
            let recipe: Recipe = name.parse().unwrap();
            assert_eq!(recipe.name(), *name);
            assert_eq!(
                serde_json::to_string(&recipe).unwrap(),
                format!("\"{name}\"")
            );
        }
        assert_eq!(
            "ndvi".parse::<Recipe>().unwrap_err().to_string(),
            "\"ndvi\" is not a recipe: known are rgb, probe"
        );
    }
}
