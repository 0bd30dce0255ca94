//! Which sensor took what addresses name.

use super::product::LandsatProduct;
use crate::domain::Tile;
use crate::domain::recipe::Sensor;

/// The sensor of a cell of `tile` whose bands have these `addresses`, in S3 or as paths.
///
/// A tile of Sentinel-2 is enough. Of Landsat, the name of a product or its beginning says it, or the
/// folder of the instrument in the bucket `usgs-landsat`: band 4 is red on OLI and near infrared on
/// TM. `None` if nothing says it.
pub fn sensor_of_addresses<'a>(
    tile: Option<Tile>,
    addresses: impl IntoIterator<Item = &'a str>,
) -> Option<Sensor> {
    if let Some(Tile::Mgrs(_)) = tile {
        return Some(Sensor::Sentinel2);
    }
    addresses.into_iter().find_map(|address| {
        if let Some(product) = LandsatProduct::of_address(address) {
            return Some(product.sensor);
        }
        let by_folder = address.split('/').find_map(|part| match part {
            "oli-tirs" => Some(Sensor::LandsatOli),
            "tm" | "etm" => Some(Sensor::LandsatTm),
            _ => None,
        });
        by_folder.or_else(|| Sensor::of_landsat_path(address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_names_and_folders_say_the_sensor() {
        let sensor =
            |tile: &str, address: &str| sensor_of_addresses(Some(tile.parse().unwrap()), [address]);
        assert_eq!(sensor("48RXT", "x/B04.jp2"), Some(Sensor::Sentinel2));
        for (address, expected) in [
            (
                "x/LC09_L2SP_033032_20231008_20231017_02_T1_SR_B4.TIF",
                Some(Sensor::LandsatOli),
            ),
            (
                "x/LE07_L2SP_033032_20031008_20231017_02_T1/red.tif",
                Some(Sensor::LandsatTm),
            ),
            (
                "collection02/level-2/standard/oli-tirs/2023/033/032/x.tif",
                Some(Sensor::LandsatOli),
            ),
            (
                "collection02/level-2/standard/etm/2003/033/032/x.tif",
                Some(Sensor::LandsatTm),
            ),
            ("x/LT05_copy_SR_B4.TIF", Some(Sensor::LandsatTm)),
            ("x/SR_B4.TIF", None),
        ] {
            assert_eq!(sensor("033032", address), expected, "{address}");
        }
    }
}
