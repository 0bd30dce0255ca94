//! The limit of failed cells, as `submit --max-failed` takes it.

use std::str::FromStr;

/// A number of cells, or a share of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaxFailed {
    Cells(u32),
    Percent(u32),
}

impl MaxFailed {
    /// How many failed cells of `cells` are too many: at least one.
    pub(crate) fn of(self, cells: u32) -> u32 {
        match self {
            Self::Cells(limit) => limit,
            Self::Percent(percent) => {
                let limit = (u64::from(cells) * u64::from(percent)).div_ceil(100);
                u32::try_from(limit).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}

impl FromStr for MaxFailed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, most) = match text.strip_suffix('%') {
            Some(digits) => (digits, 100),
            None => (text, u32::MAX),
        };
        match digits.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(if most == 100 {
                Self::Percent(number)
            } else {
                Self::Cells(number)
            }),
            _ => Err("expected a number of cells from 1, or a share from 1% to 100%".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_to_whole_cells() {
        let of = |text: &str, cells| text.parse::<MaxFailed>().unwrap().of(cells);
        assert_eq!(
            (of("3", 12), of("10%", 12), of("100%", 12), of("1%", 12)),
            (3, 2, 12, 1)
        );
        for text in ["0", "0%", "101%", "-1", "x", "%", ""] {
            assert!(text.parse::<MaxFailed>().is_err(), "{text}");
        }
    }
}
