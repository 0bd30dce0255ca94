//! What an address in a scene bucket says of a cell.

use super::product::{LandsatLevel, LandsatProduct};
use crate::domain::{MgrsTile, SceneDate, Tile};

/// How a scene's objects lie in their folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SceneLayout {
    /// JPEG 2000 files, as in `tiles/48/R/XT/2020/8/1/0/` (Registry of Open Data on AWS,
    /// "Sentinel-2"). L2A has a folder for each resolution, such as `R10m/`; L1C has none.
    Jp2,
    /// COGs of Earth Search, as in `48/R/XT/2020/8/S2A_48RXT_20200801_1_L2A/` (Registry of Open
    /// Data on AWS, "Sentinel-2 Cloud-Optimized `GeoTIFFs`").
    Cogs,
    /// The files of a Landsat product, as in `2023/033/032/LC08_L2SP_033032_20231008_…/` (Registry
    /// of Open Data on AWS, "USGS Landsat").
    Landsat(LandsatProduct),
}

/// The cell that a key of a scene bucket belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenePath {
    /// The tile.
    pub tile: Tile,
    /// The day of the acquisition (UTC).
    pub date: SceneDate,
    /// The acquisition's number on that day, from 0, if the path has one.
    pub number: Option<u32>,
    /// What the objects are called.
    pub layout: SceneLayout,
}

impl ScenePath {
    /// Parses a key or key prefix; `None` if it does not have the layout of a scene bucket.
    ///
    /// ```
    /// use tilefleet_common::domain::ScenePath;
    ///
    /// let path = ScenePath::from_key("tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2").unwrap();
    /// assert_eq!((path.tile.to_string().as_str(), path.number), ("48RXT", Some(0)));
    /// assert_eq!(ScenePath::from_key("somewhere/else/B02.jp2"), None);
    /// ```
    pub fn from_key(key: &str) -> Option<Self> {
        let parts: Vec<&str> = key.split('/').collect();
        if let Some(start) = parts.iter().position(|&part| part == "tiles") {
            return of_tile_folder(parts.get(start + 1..)?);
        }
        parts.iter().rev().find_map(|part| {
            let product = LandsatProduct::from_name(part).map(|product| Self {
                tile: product.tile.into(),
                date: product.date,
                number: None,
                layout: SceneLayout::Landsat(product),
            });
            product.or_else(|| of_cog_folder(part))
        })
    }

    /// The name of the object of `band` in the scene's folder.
    pub fn object_of(&self, band: &str) -> String {
        match &self.layout {
            SceneLayout::Jp2 => format!("{band}.jp2"),
            SceneLayout::Cogs => format!("{band}.tif"),
            SceneLayout::Landsat(product) => format!("{}_{band}.TIF", product.name),
        }
    }

    /// The product, if it is one of Landsat that has no surface reflectance.
    pub fn level_1(&self) -> Option<&LandsatProduct> {
        match &self.layout {
            SceneLayout::Landsat(product) if product.level == LandsatLevel::Level1 => Some(product),
            _ => None,
        }
    }
}

/// The scene of `48/R/XT/2020/8/1/0/…`.
fn of_tile_folder(parts: &[&str]) -> Option<ScenePath> {
    let [zone, band, square, year, month, day, number, ..] = parts else {
        return None;
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(ScenePath {
        tile: MgrsTile::from_parts(zone, band, square).ok()?.into(),
        date: SceneDate::from_parts(year, month, day).ok()?,
        number: Some(number.parse().ok()?),
        layout: SceneLayout::Jp2,
    })
}

/// The scene of a folder `S2A_48RXT_20200801_1_L2A`, or `S2A_T48RXT_20200801T034541_L2A` in the
/// collection `sentinel-2-c1-l2a`.
fn of_cog_folder(folder: &str) -> Option<ScenePath> {
    let parts: Vec<&str> = folder.split('_').collect();
    let (satellite, tile, date, number) = match *parts.as_slice() {
        [satellite, tile, date, number, "L2A" | "L1C"] if date.len() == 8 => {
            let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            digits.then_some(())?;
            (satellite, tile, date, Some(number.parse().ok()?))
        }
        [satellite, tile, sensed, "L2A" | "L1C"] => {
            let (date, clock) = sensed.split_once('T')?;
            (date.len() == 8 && clock.len() == 6).then_some(())?;
            (satellite, tile.strip_prefix('T')?, date, None)
        }
        _ => return None,
    };
    matches!(satellite, "S2A" | "S2B" | "S2C" | "S2D").then_some(())?;
    Some(ScenePath {
        tile: tile.parse::<MgrsTile>().ok()?.into(),
        date: date.parse().ok()?,
        number,
        layout: SceneLayout::Cogs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: &str) -> (String, String, Option<u32>) {
        let path = ScenePath::from_key(key).unwrap();
        (path.tile.to_string(), path.date.compact(), path.number)
    }

    #[test]
    fn both_levels_of_the_scene_buckets_are_read() {
        for key in [
            "tiles/48/R/XT/2020/8/1/0/R10m/",
            "tiles/48/R/XT/2020/8/1/0",
            "mirror/tiles/48/R/XT/2020/8/1/0/B02.jp2",
        ] {
            let expected = ("48RXT".into(), "20200801".into(), Some(0));
            assert_eq!(shown(key), expected, "{key}");
        }
    }

    #[test]
    fn folders_of_earth_search_are_read() {
        let numbered = "sentinel-s2-l2a-cogs/48/R/XT/2020/8/S2A_48RXT_20200801_1_L2A";
        let expected = ("48RXT".into(), "20200801".into(), Some(1));
        assert_eq!(shown(&format!("{numbered}/B04.tif")), expected);
        let timed = "sentinel-2-c1-l2a/48/R/XT/2020/8/S2A_T48RXT_20200801T034541_L2A";
        let expected = ("48RXT".into(), "20200801".into(), None);
        assert_eq!(shown(&format!("{timed}/B04.tif")), expected);
        let path = ScenePath::from_key(numbered).unwrap();
        assert_eq!(path.object_of("B04"), "B04.tif");
    }

    #[test]
    fn folders_of_landsat_are_read() {
        let name = "LC08_L2SP_033032_20231008_20231017_02_T1";
        let key = format!("collection02/level-2/standard/oli-tirs/2023/033/032/{name}/");
        assert_eq!(shown(&key), ("033032".into(), "20231008".into(), None));
        let path = ScenePath::from_key(&key).unwrap();
        assert_eq!(path.object_of("SR_B4"), format!("{name}_SR_B4.TIF"));
        assert_eq!(path.level_1(), None);
        let level_1 = ScenePath::from_key(&key.replace("L2SP", "L1TP")).unwrap();
        assert!(level_1.level_1().is_some());
    }

    #[test]
    fn other_layouts_are_not_parsed() {
        for key in [
            "",
            "tiles/",
            "tiles/48/R/XT/2020/8/1/",
            "tiles/48/R/XT/2020/8/32/0/",
            "scenes/48/R/XT/2020/8/1/0/",
            "x/S2A_48RXT_20200801_x_L2A/B04.tif",
            "x/S2A_48RXT_20200801T034541_L2A/B04.tif",
            "x/LC08_L2SP_033032_20231008_20231017_01_T1/",
        ] {
            assert_eq!(ScenePath::from_key(key), None, "{key}");
        }
    }
}
