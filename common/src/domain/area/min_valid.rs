//! The share of valid pixels that a cell must have.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The share of its pixels that must be valid for a cell to have a raster, in hundredths of a
/// percent.
///
/// ```
/// use tilefleet_common::domain::MinValid;
///
/// let half: MinValid = "50%".parse()?;
/// assert!(half.is_met(1, 2) && !half.is_met(499_999, 1_000_000));
/// assert_eq!("12.5".parse::<MinValid>()?.to_string(), "12.5");
/// # Ok::<(), tilefleet_common::domain::NotAShare>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct MinValid(u16);

/// The whole, in hundredths of a percent.
const WHOLE: u16 = 10_000;

/// A text is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a share: expected a percentage from 0.01 to 100, such as 80 or 12.5")]
pub struct NotAShare(String);

impl MinValid {
    /// The share of so many hundredths of a percent, which are at least 1 and at most 10,000.
    pub fn from_hundredths(hundredths: u16) -> Option<Self> {
        (1..=WHOLE)
            .contains(&hundredths)
            .then_some(Self(hundredths))
    }

    /// Hundredths of a percent.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// Whether `valid` of `all` pixels are enough.
    pub fn is_met(self, valid: u64, all: u64) -> bool {
        u128::from(valid) * u128::from(WHOLE) >= u128::from(all) * u128::from(self.0)
    }
}

impl fmt::Display for MinValid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(*self))
    }
}

impl FromStr for MinValid {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, NotAShare> {
        let number = text.strip_suffix('%').unwrap_or(text).trim_end();
        let percent: f64 = number.parse().map_err(|_| NotAShare(text.to_owned()))?;
        percent.try_into().map_err(|_| NotAShare(text.to_owned()))
    }
}

impl TryFrom<f64> for MinValid {
    type Error = NotAShare;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is from 1 to 10,000"
    )]
    fn try_from(percent: f64) -> Result<Self, NotAShare> {
        let hundredths = (percent * 100.0).round();
        if (1.0..=f64::from(WHOLE)).contains(&hundredths) {
            Ok(Self(hundredths as u16))
        } else {
            Err(NotAShare(percent.to_string()))
        }
    }
}

impl From<MinValid> for f64 {
    fn from(share: MinValid) -> Self {
        Self::from(share.0) / 100.0
    }
}
