//! What the name of an object says, as agencies and their mirrors write it.

use super::product::LandsatProduct;
use crate::domain::recipe::{Sensor, bands_of};
use crate::domain::{MgrsTile, SceneDate, Tile};

/// The tile and, if there is one, the day in an object's name, as ESA and its mirrors write them.
/// The tile is a part such as `T29UNU` or `29UNU`, the day a part such as `20221005` or
/// `20221005T115411`; underscores and dots separate parts. The objects of a Landsat product begin with
/// its name.
///
/// ```
/// use tilefleet_common::domain::tile_and_date_in_object_name;
///
/// let (tile, date) = tile_and_date_in_object_name("T29UNU_20221005T115411_B02_60m.jp2").unwrap();
/// assert_eq!((tile.to_string(), date.unwrap().compact()), ("29UNU".into(), "20221005".into()));
/// ```
pub fn tile_and_date_in_object_name(name: &str) -> Option<(Tile, Option<SceneDate>)> {
    if let Some(product) = LandsatProduct::of_object(name) {
        return Some((product.tile.into(), Some(product.date)));
    }
    let parts = || name.split(['_', '.', '/']);
    let tile = parts().find_map(|part| {
        let part = part.strip_prefix('T').unwrap_or(part);
        (part.len() == 5)
            .then(|| part.parse::<MgrsTile>().ok())
            .flatten()
    })?;
    let date = parts().find_map(|part| {
        let day = part.get(..8)?;
        (part.len() == 8 || part.as_bytes().get(8) == Some(&b'T'))
            .then(|| day.parse().ok())
            .flatten()
    });
    Some((tile.into(), date))
}

/// Whether `name` is the object of `band`: `B02.jp2`, `T29UNU_20221005T115411_B02_60m.jp2`,
/// `LC08_L2SP_033032_20231008_20231017_02_T1_SR_B4.TIF`.
pub fn band_in_object_name(name: &str, band: &str) -> bool {
    if let Some(product) = LandsatProduct::of_object(name) {
        let rest = name.strip_prefix(&product.name).unwrap_or_default();
        let Some((stem, extension)) = rest.rsplit_once('.') else {
            return false;
        };
        return extension.eq_ignore_ascii_case("tif") && stem.strip_prefix('_') == Some(band);
    }
    name.strip_suffix(".jp2")
        .is_some_and(|stem| stem.split('_').any(|part| part == band))
}

/// The band of `sensor` after which an object is named, if it is another one than `band`. A name that
/// says nothing is believed.
pub fn other_band_in_object_name(sensor: Sensor, object: &str, band: &str) -> Option<&'static str> {
    let other = bands_of(sensor)
        .iter()
        .find(|other| is_named(object, other.key));
    other
        .filter(|_| !is_named(object, band))
        .map(|other| other.key)
}

/// Whether an object is named after the band `key`: `B04.jp2`, `T29UNU_20221005T115411_B04_60m.jp2`,
/// `LC08_…_SR_B4.TIF`.
fn is_named(object: &str, key: &str) -> bool {
    let stem = object.split('.').next().unwrap_or(object);
    stem == key || stem.ends_with(&format!("_{key}")) || stem.contains(&format!("_{key}_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_contain_tile_and_day() {
        let parsed = |name| {
            tile_and_date_in_object_name(name)
                .map(|(tile, date)| (tile.to_string(), date.map(SceneDate::compact)))
        };
        let day = |tile: &str, date: &str| Some((tile.to_owned(), Some(date.to_owned())));
        assert_eq!(
            parsed("T29UNU_20221005T115411_B02_60m.jp2"),
            day("29UNU", "20221005")
        );
        assert_eq!(
            parsed("T31UFS_20190411_B02_10m.jp2"),
            day("31UFS", "20190411")
        );
        assert_eq!(
            parsed("S2A_OPER_MSI_L2A_TL_ATOS_20220620T162319_A036527_T32TLS_N04.00_R60m_B01.jp2"),
            day("32TLS", "20220620")
        );
        assert_eq!(
            parsed("LC08_L2SP_033032_20231008_20231017_02_T1_SR_B4.TIF"),
            day("033032", "20231008")
        );
        assert_eq!(parsed("B02.jp2"), None);
        assert_eq!(parsed("033032_20231008_B4.TIF"), None);
    }

    #[test]
    fn a_band_is_a_whole_part_of_the_name() {
        assert!(band_in_object_name("B02.jp2", "B02"));
        assert!(band_in_object_name(
            "T29UNU_20221005T115411_B02_60m.jp2",
            "B02"
        ));
        assert!(!band_in_object_name("B02.tif", "B02"));
        assert!(!band_in_object_name("MSK_DETFOO_B02X.jp2", "B02"));
        let landsat = "LC08_L2SP_033032_20231008_20231017_02_T1_SR_B4.TIF";
        assert!(band_in_object_name(landsat, "SR_B4"));
        assert!(!band_in_object_name(landsat, "B4"));
    }
}
