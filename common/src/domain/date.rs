//! The day of a scene.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::DomainError;

/// The day on which a scene was sensed (UTC).
///
/// It is parsed from `YYYY-MM-DD` or `YYYYMMDD` and displayed as the former.
///
/// ```
/// use tilefleet_common::domain::SceneDate;
///
/// let date: SceneDate = "20200801".parse()?;
/// assert_eq!((date.to_string(), date.compact()), ("2020-08-01".into(), "20200801".into()));
/// assert!("20200230".parse::<SceneDate>().is_err());
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SceneDate(Date);

impl SceneDate {
    /// The day of a year, month and day as the scene buckets write them (`2020`, `8`, `1`).
    ///
    /// # Errors
    /// [`DomainError::Date`] when the day does not exist.
    pub fn from_parts(year: &str, month: &str, day: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::Date(format!("{year}-{month}-{day}"));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
            return Err(wrong());
        }
        let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse()) else {
            return Err(wrong());
        };
        Date::new(year, month, day).map(Self).map_err(|_| wrong())
    }

    /// The day as eight digits, the form of output keys: `20200801`.
    pub fn compact(self) -> String {
        format!(
            "{:04}{:02}{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        )
    }
}

impl fmt::Display for SceneDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        )
    }
}

impl FromStr for SceneDate {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::Date(text.to_owned());
        let parts = if text.contains('-') {
            let mut parts = text.split('-');
            (
                parts.next(),
                parts.next(),
                parts.next(),
                parts.next().is_none(),
            )
        } else {
            (
                text.get(..4),
                text.get(4..6),
                text.get(6..),
                text.len() == 8,
            )
        };
        let (Some(year), Some(month), Some(day), true) = parts else {
            return Err(wrong());
        };
        if month.len() != 2 || day.len() != 2 {
            return Err(wrong());
        }
        Self::from_parts(year, month, day).map_err(|_| wrong())
    }
}

impl TryFrom<String> for SceneDate {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<SceneDate> for String {
    fn from(date: SceneDate) -> Self {
        date.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_the_same_day() {
        let compact: SceneDate = "20200801".parse().unwrap();
        assert_eq!(compact, "2020-08-01".parse().unwrap());
        assert_eq!(compact, SceneDate::from_parts("2020", "8", "1").unwrap());
        assert_eq!(compact.compact(), "20200801");
        assert_eq!(compact.to_string(), "2020-08-01");
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "",
            "20200230",
            "2020-13-01",
            "202008011",
            "2020081",
            "2020-8-1",
            "20-08-2001",
            "yesterday",
            "2020é801",
        ] {
            assert_eq!(
                text.parse::<SceneDate>(),
                Err(DomainError::Date(text.to_owned())),
                "{text}"
            );
        }
    }
}
