//! What addresses in scene buckets, and the names of objects, say of a cell.

use super::{SceneDate, Tile};

/// The cell that a key of a scene bucket belongs to: `tiles/48/R/XT/2020/8/1/0/` (Registry of Open
/// Data on AWS, "Sentinel-2"). Below it, L2A has a folder for each resolution, such as `R10m/`; L1C
/// has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScenePath {
    /// The MGRS tile, from the folders of zone, band and square.
    pub tile: Tile,
    /// The day of the acquisition (UTC).
    pub date: SceneDate,
    /// The acquisition's number on that day, from 0.
    pub number: u32,
}

impl ScenePath {
    /// Parses a key or key prefix; `None` if it does not have the layout of the scene buckets.
    ///
    /// ```
    /// use tilefleet_common::domain::ScenePath;
    ///
    /// let path = ScenePath::from_key("tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2").unwrap();
    /// assert_eq!((path.tile.to_string().as_str(), path.number), ("48RXT", 0));
    /// assert_eq!(ScenePath::from_key("somewhere/else/B02.jp2"), None);
    /// ```
    pub fn from_key(key: &str) -> Option<Self> {
        let parts: Vec<&str> = key.split('/').collect();
        let start = parts.iter().position(|&part| part == "tiles")?;
        let [zone, band, square, year, month, day, number, ..] = parts.get(start + 1..)? else {
            return None;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            tile: Tile::from_parts(zone, band, square).ok()?,
            date: SceneDate::from_parts(year, month, day).ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// The tile and, if there is one, the day in an object's name, as ESA and its mirrors write them.
/// The tile is a part such as `T29UNU` or `29UNU`, the day a part such as `20221005` or
/// `20221005T115411`; underscores and dots separate parts.
///
/// ```
/// use tilefleet_common::domain::tile_and_date_in_object_name;
///
/// let (tile, date) = tile_and_date_in_object_name("T29UNU_20221005T115411_B02_60m.jp2").unwrap();
/// assert_eq!((tile.to_string(), date.unwrap().compact()), ("29UNU".into(), "20221005".into()));
/// ```
pub fn tile_and_date_in_object_name(name: &str) -> Option<(Tile, Option<SceneDate>)> {
    let parts = || name.split(['_', '.', '/']);
    let tile = parts().find_map(|part| {
        let part = part.strip_prefix('T').unwrap_or(part);
        (part.len() == 5)
            .then(|| part.parse::<Tile>().ok())
            .flatten()
    })?;
    let date = parts().find_map(|part| {
        let day = part.get(..8)?;
        (part.len() == 8 || part.as_bytes().get(8) == Some(&b'T'))
            .then(|| day.parse().ok())
            .flatten()
    });
    Some((tile, date))
}

/// Whether `name` is the JPEG 2000 object of `band`: `B02.jp2`,
/// `T29UNU_20221005T115411_B02_60m.jp2`.
pub fn band_in_object_name(name: &str, band: &str) -> bool {
    name.strip_suffix(".jp2")
        .is_some_and(|stem| stem.split('_').any(|part| part == band))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_levels_of_the_scene_buckets_are_read() {
        for key in [
            "tiles/48/R/XT/2020/8/1/0/R10m/",
            "tiles/48/R/XT/2020/8/1/0",
            "mirror/tiles/48/R/XT/2020/8/1/0/B02.jp2",
        ] {
            let path = ScenePath::from_key(key).unwrap();
            assert_eq!(
                (path.tile.to_string(), path.date.compact(), path.number),
                ("48RXT".into(), "20200801".into(), 0)
            );
        }
    }

    #[test]
    fn other_layouts_are_not_parsed() {
        for key in [
            "",
            "tiles/",
            "tiles/48/R/XT/2020/8/1/",
            "tiles/48/R/XT/2020/8/32/0/",
            "scenes/48/R/XT/2020/8/1/0/",
        ] {
            assert_eq!(ScenePath::from_key(key), None, "{key}");
        }
    }

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
        assert_eq!(parsed("B02.jp2"), None);
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
    }
}
