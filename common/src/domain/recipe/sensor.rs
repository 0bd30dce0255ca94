//! The sensors whose bands a recipe can read.

/// A sensor, as far as its bands are called and placed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensor {
    /// MSI of Sentinel-2.
    Sentinel2,
    /// OLI of Landsat 8 and 9.
    LandsatOli,
    /// TM of Landsat 4 and 5, ETM+ of Landsat 7.
    LandsatTm,
}
