//! From a name to the band of a sensor.

use super::super::resolve::BandKind;
use super::super::sensor::Sensor;
use super::table::{Band, bands_of};

/// What catalogues append to a band's name: the format and the resolution.
const SUFFIXES: [&str; 4] = ["-jp2", "_10m", "_20m", "_60m"];

/// The band of `sensor` that `name` names: a letter of the index formulas, or any name of a
/// catalogue. Case and the endings `-jp2`, `_10m`, `_20m` and `_60m` do not matter.
///
/// ```
/// use tilefleet_common::domain::{Sensor, find_band};
///
/// let key = |sensor, name| find_band(sensor, name).map(|band| band.key);
/// assert_eq!(key(Sensor::Sentinel2, "nir08"), Some("B8A"));
/// assert_eq!(key(Sensor::LandsatOli, "nir08"), Some("SR_B5"));
/// assert_eq!(key(Sensor::LandsatTm, "N"), Some("SR_B4"));
/// ```
pub fn find_band(sensor: Sensor, name: &str) -> Option<&'static Band> {
    let lower = name.to_ascii_lowercase();
    let mut plain = lower.as_str();
    while let Some(rest) = SUFFIXES.iter().find_map(|end| plain.strip_suffix(end)) {
        plain = rest;
    }
    let is_called = |band: &&Band| {
        let letter = band
            .letter
            .is_some_and(|letter| letter.eq_ignore_ascii_case(plain));
        letter || band.key.eq_ignore_ascii_case(plain) || band.names.contains(&plain)
    };
    bands_of(sensor).iter().find(is_called)
}

/// The band of `sensor` that an expression names. As [`find_band`], but letters of one sign are in
/// upper case: formulas have constants `g` and `n` beside the bands `G` and `N`.
pub(in super::super) fn find_band_in_expression(
    sensor: Sensor,
    name: &str,
) -> Option<&'static Band> {
    if name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    find_band(sensor, name)
}

/// The bands of a sensor for a message: `B04 (R), B08 (N), SCL`.
pub(in super::super) fn list(sensor: Sensor) -> String {
    let show = |band: &Band| match band.letter {
        Some(letter) => format!("{} ({letter})", band.key),
        None => band.key.to_owned(),
    };
    let shown: Vec<String> = bands_of(sensor).iter().map(show).collect();
    shown.join(", ")
}

/// The bands of all sensors for a message.
pub(in super::super) fn list_all() -> String {
    let shown = Sensor::ALL.map(|sensor| format!("{sensor} has {}", list(sensor)));
    shown.join("; ")
}

/// What the numbers of a band are, in the first sensor that has a band of that name.
pub(in super::super) fn kind_of(name: &str) -> Option<BandKind> {
    let band = Sensor::ALL
        .iter()
        .find_map(|sensor| find_band(*sensor, name));
    band.map(|band| band.kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(sensor: Sensor, name: &str) -> Option<&'static str> {
        find_band(sensor, name).map(|band| band.key)
    }

    #[test]
    fn every_name_of_a_catalogue_is_the_same_band_whatever_its_case_and_ending() {
        for (names, wanted) in [
            (
                &[
                    "R", "r", "red", "RED", "B04", "b4", "B4", "red-jp2", "B04_10m",
                ][..],
                "B04",
            ),
            (&["RE1", "rededge1", "rededge071", "B05_20m"], "B05"),
            (&["N2", "nir08", "B8A", "b8a_60m"], "B8A"),
            (&["WV", "nir09", "B9"], "B09"),
            (&["S1", "swir16", "B11", "swir16-jp2"], "B11"),
            (&["scl", "SCL_20m", "scl-jp2"], "SCL"),
            (&["MSK_CLDPRB", "cloud", "MSK_CLDPRB_20m"], "CLD"),
        ] {
            for name in names {
                assert_eq!(key(Sensor::Sentinel2, name), Some(wanted), "{name}");
            }
        }
        for name in ["rededge", "B99", "", "-jp2", "SR_B4", "visual"] {
            assert_eq!(key(Sensor::Sentinel2, name), None, "{name}");
        }
    }

    #[test]
    fn a_letter_of_landsat_depends_on_the_sensor() {
        assert_eq!(key(Sensor::LandsatOli, "R"), Some("SR_B4"));
        assert_eq!(key(Sensor::LandsatTm, "R"), Some("SR_B3"));
        assert_eq!(key(Sensor::LandsatOli, "B04"), Some("SR_B4"));
        assert_eq!(key(Sensor::LandsatTm, "B04"), Some("SR_B3"));
        assert_eq!(key(Sensor::LandsatTm, "A"), None);
        assert_eq!(key(Sensor::LandsatOli, "qa_pixel"), Some("QA_PIXEL"));
        for name in ["B4", "B05", "B8A", "N2", "RE1", "rededge"] {
            assert_eq!(key(Sensor::LandsatOli, name), None, "{name}");
        }
    }

    #[test]
    fn no_name_is_two_bands_of_a_sensor() {
        for sensor in Sensor::ALL {
            let mut seen = BTreeSet::new();
            for band in bands_of(sensor) {
                let own = [Some(band.key), band.letter];
                let names = own.into_iter().flatten().chain(band.names.iter().copied());
                for name in names {
                    assert!(seen.insert(name.to_ascii_lowercase()), "{sensor} {name}");
                }
            }
        }
    }

    #[test]
    fn letters_of_one_sign_are_upper_case_in_an_expression() {
        let find = |name| find_band_in_expression(Sensor::Sentinel2, name).map(|band| band.key);
        assert_eq!(
            (find("N"), find("n"), find("re1")),
            (Some("B08"), None, Some("B05"))
        );
    }
}
