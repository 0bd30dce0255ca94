//! The processing baseline of a product of Sentinel-2.

use std::fmt;

/// From this baseline on, 04.00, ESA adds 1000 to the numbers, so that those of dark pixels are not
/// cut off at 0 (ESA, "Sentinel-2 Products Specification Document", 14.9, `BOA_ADD_OFFSET`).
const FIRST_WITH_OFFSET: u16 = 400;
/// Baselines from 99.00 on are test runs; their number says nothing.
const FIRST_TEST_RUN: u16 = 9900;

/// A processing baseline, such as `04.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Baseline(u16);

impl Baseline {
    /// Parses `04.00`, `0400`, `N0400` or `N04.00`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('N').unwrap_or(text);
        let digits: String = match text.split_once('.') {
            Some((major, minor)) if major.len() == 2 => format!("{major}{minor}"),
            Some(_) => return None,
            None => text.to_owned(),
        };
        let whole = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| digits.parse().ok()).flatten().map(Self)
    }

    /// The baseline in a name of ESA: a part `N0400` or `N04.00` between underscores.
    pub(super) fn in_name(name: &str) -> Option<Self> {
        let mut parts = name.trim_end_matches(".SAFE").split('_');
        parts.find_map(|part| part.starts_with('N').then(|| Self::parse(part)).flatten())
    }

    /// Whether products of it have an offset; `None` for test runs.
    pub fn has_offset(self) -> Option<bool> {
        (self.0 < FIRST_TEST_RUN).then_some(self.0 >= FIRST_WITH_OFFSET)
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_the_same_baseline() {
        for text in ["04.00", "0400", "N0400", "N04.00"] {
            assert_eq!(Baseline::parse(text).unwrap().to_string(), "04.00");
        }
        for text in ["", "4", "4.00", "04.0", "0x00", "N"] {
            assert_eq!(Baseline::parse(text), None, "{text}");
        }
        let name = "S2B_MSIL1C_20180617T001109_N0206_R073_T55JGF_20180617T013729";
        assert_eq!(Baseline::in_name(name), Baseline::parse("02.06"));
        let datatake = "GS2B_20180617T001109_006677_N02.06";
        assert_eq!(Baseline::in_name(datatake), Baseline::parse("02.06"));
    }

    #[test]
    fn products_have_an_offset_from_04_00_on_and_test_runs_do_not_say() {
        let has = |text| Baseline::parse(text).unwrap().has_offset();
        assert_eq!(has("02.14"), Some(false));
        assert_eq!(has("03.01"), Some(false));
        assert_eq!(has("04.00"), Some(true));
        assert_eq!(has("05.11"), Some(true));
        assert_eq!(has("99.99"), None);
    }
}
