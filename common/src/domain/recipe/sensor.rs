//! The sensors whose bands a recipe can name.

use std::fmt;

/// A sensor, or sensors whose bands have the same numbers.
///
/// A band's letter, such as `R`, names an object only when the sensor is known: `SR_B4` is red on
/// OLI and near infrared on TM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensor {
    /// MSI of Sentinel-2.
    Sentinel2,
    /// OLI and OLI-2 of Landsat 8 and 9 (`LC08`, `LC09`).
    LandsatOli,
    /// TM and ETM+ of Landsat 4, 5 and 7 (`LT04`, `LT05`, `LE07`).
    LandsatTm,
}

impl Sensor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sentinel2, Self::LandsatOli, Self::LandsatTm];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sentinel2 => "sentinel-2",
            Self::LandsatOli => "landsat-oli",
            Self::LandsatTm => "landsat-tm",
        }
    }

    /// The sensor of a Landsat product whose name begins the text or a part of the path, such as
    /// `…/LC08_L2SP_033032_20231008_20231017_02_T1/…`. `None` if there is no such name.
    pub fn of_landsat_path(path: &str) -> Option<Self> {
        path.split('/').find_map(|part| {
            let (platform, _) = part.split_once('_')?;
            match platform {
                "LC08" | "LC09" => Some(Self::LandsatOli),
                "LT04" | "LT05" | "LE07" => Some(Self::LandsatTm),
                _ => None,
            }
        })
    }
}

impl fmt::Display for Sensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sentinel2 => "Sentinel-2",
            Self::LandsatOli => "Landsat OLI",
            Self::LandsatTm => "Landsat TM",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_landsat_product_tells_the_sensor() {
        let of = Sensor::of_landsat_path;
        let oli = "collection02/LC08_L2SP_033032_20231008_20231017_02_T1/x.TIF";
        assert_eq!(of(oli), Some(Sensor::LandsatOli));
        assert_eq!(of("LT05_L2SP_1_SR_B4.TIF"), Some(Sensor::LandsatTm));
        assert_eq!(of("LE07_L2SP_1_SR_B4.TIF"), Some(Sensor::LandsatTm));
        assert_eq!(of("tiles/48/R/XT/2020/8/1/0/R10m/B04.jp2"), None);
    }
}
