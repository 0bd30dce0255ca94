//! The name of a Landsat product.

use crate::domain::recipe::Sensor;
use crate::domain::{SceneDate, Wrs2Tile};

/// Letters of a product's name: `LC08_L2SP_033032_20231008_20231017_02_T1`.
const NAME_LENGTH: usize = 40;

/// How far a Landsat product is processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LandsatLevel {
    /// Digital numbers of the instrument: `L1TP`, `L1GT`, `L1GS`.
    Level1,
    /// Surface reflectance and surface temperature.
    L2sp,
    /// Surface reflectance alone.
    L2sr,
}

/// A product of Landsat Collection 2, by its name (USGS, "Landsat Collection 2 Product
/// Identifiers"): sensor and satellite, level, path and row, day of the acquisition, day of the
/// processing, collection, category.
///
/// ```
/// use tilefleet_common::domain::LandsatProduct;
///
/// let product = LandsatProduct::from_name("LC08_L2SP_033032_20231008_20231017_02_T1").unwrap();
/// assert_eq!(product.tile.to_string(), "033032");
/// assert_eq!(product.date.to_string(), "2023-10-08");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LandsatProduct {
    /// The whole name.
    pub name: String,
    /// The instrument.
    pub sensor: Sensor,
    /// How far it is processed.
    pub level: LandsatLevel,
    /// Path and row.
    pub tile: Wrs2Tile,
    /// The day of the acquisition (UTC).
    pub date: SceneDate,
}

impl LandsatProduct {
    /// Parses a whole name. `None` if it is not one, or of a product that has no surface
    /// reflectance of Collection 2: Collection 1 and the scanner MSS.
    pub fn from_name(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('_').collect();
        let &[satellite, level, tile, acquired, processed, "02", category] = parts.as_slice()
        else {
            return None;
        };
        let sensor = match satellite {
            "LC08" | "LC09" | "LO08" | "LO09" => Sensor::LandsatOli,
            "LT04" | "LT05" | "LE07" => Sensor::LandsatTm,
            _ => return None,
        };
        let level = match level {
            "L1TP" | "L1GT" | "L1GS" => LandsatLevel::Level1,
            "L2SP" => LandsatLevel::L2sp,
            "L2SR" => LandsatLevel::L2sr,
            _ => return None,
        };
        let day = |text: &str| -> Option<SceneDate> {
            (text.len() == 8).then(|| text.parse().ok()).flatten()
        };
        day(processed)?;
        matches!(category, "T1" | "T2" | "RT").then_some(())?;
        Some(Self {
            name: name.to_owned(),
            sensor,
            level,
            tile: tile.parse().ok()?,
            date: day(acquired)?,
        })
    }

    /// The product of which an object is a part: the name of each of its objects begins with its
    /// own, as `LC08_L2SP_033032_20231008_20231017_02_T1_SR_B4.TIF`.
    pub fn of_object(name: &str) -> Option<Self> {
        let (product, rest) = name.split_at_checked(NAME_LENGTH)?;
        rest.starts_with(['_', '.'])
            .then(|| Self::from_name(product))
            .flatten()
    }

    /// The product that an address names: of its folders the innermost, else of its object.
    pub fn of_address(address: &str) -> Option<Self> {
        let folder = address.split('/').rev().find_map(Self::from_name);
        folder.or_else(|| Self::of_object(address.rsplit('/').next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_sensor_level_place_and_day() {
        let product = |name: &str| LandsatProduct::from_name(name).unwrap();
        let oli = product("LC08_L2SP_008059_20191201_20200825_02_T1");
        assert_eq!((oli.tile.path(), oli.tile.row()), (8, 59));
        assert_eq!(oli.date.compact(), "20191201");
        assert_eq!(
            (oli.sensor, oli.level),
            (Sensor::LandsatOli, LandsatLevel::L2sp)
        );
        let tm = product("LT05_L2SR_233248_19991231_20200825_02_T2");
        assert_eq!(
            (tm.sensor, tm.level),
            (Sensor::LandsatTm, LandsatLevel::L2sr)
        );
        let level_1 = product("LE07_L1TP_008059_20191201_20200825_02_RT");
        assert_eq!(level_1.level, LandsatLevel::Level1);
    }

    #[test]
    fn collections_and_sensors_without_surface_reflectance_are_not_products() {
        for name in [
            "LC08_L1TP_008059_20191201_20191217_01_T1",
            "LM05_L1TP_008059_19911201_20200825_02_T1",
            "LC08_L2SP_008059_20191301_20200825_02_T1",
            "LC08_L2SP_000059_20191201_20200825_02_T1",
            "LC08_L2SP_008059_20191201_20200825_02",
            "LC08_L2SP_008059_20191201_20200825_02_T1_SR",
        ] {
            assert_eq!(LandsatProduct::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn objects_and_folders_name_their_product() {
        let name = "LC08_L2SP_033032_20231008_20231017_02_T1";
        for address in [
            format!("collection02/level-2/standard/oli-tirs/2023/033/032/{name}/{name}_SR_B4.TIF"),
            format!("x/{name}/red.tif"),
            format!("{name}_MTL.json"),
            format!("x/{name}"),
        ] {
            let product = LandsatProduct::of_address(&address);
            assert_eq!(product.unwrap().name, name, "{address}");
        }
        assert_eq!(
            LandsatProduct::of_address(&format!("x/{name}x/red.tif")),
            None
        );
        assert_eq!(LandsatProduct::of_address(&format!("x/{name}1.TIF")), None);
    }
}
