//! Whether the addresses of a cell's bands say what the cell says of them.

use tilefleet_common::domain::{
    Cell, LandsatLevel, LandsatProduct, S3Url, other_band_in_object_name,
};

use super::error::CellError;

/// Refuses a cell whose addresses contradict it: an object that is named after another band, or
/// bands of two levels. Addresses that say nothing are believed.
pub(super) fn check_evidence(cell: &Cell) -> Result<(), CellError> {
    let Some(sensor) = cell.sensor() else {
        return Ok(());
    };
    for (band, url) in &cell.assets {
        if let Some(named) = other_band_in_object_name(sensor, url.object_name(), band) {
            return Err(CellError::OtherBand {
                band: band.clone(),
                url: url.clone(),
                named: named.to_owned(),
            });
        }
    }
    let mut levels = cell.assets.iter().filter_map(|(band, url)| {
        let level = level_of(url)?;
        Some((band, level))
    });
    let Some((first, level)) = levels.next() else {
        return Ok(());
    };
    match levels.find(|(_, other)| *other != level) {
        Some((second, other)) => Err(CellError::Levels {
            one: first.clone(),
            level,
            two: second.clone(),
            other,
        }),
        None => Ok(()),
    }
}

/// The level of processing that an address names.
fn level_of(url: &S3Url) -> Option<&'static str> {
    if let Some(product) = LandsatProduct::of_address(url.key()) {
        return Some(match product.level {
            LandsatLevel::Level1 => "L1",
            LandsatLevel::L2sp => "L2SP",
            LandsatLevel::L2sr => "L2SR",
        });
    }
    let says = |bucket: &str, product: &str, folder: &str| {
        let part = |part: &str| part.contains(product) || part.ends_with(folder);
        url.bucket().ends_with(bucket) || url.key().split('/').any(part)
    };
    if says("-l1c", "MSIL1C", "_L1C") {
        Some("L1C")
    } else if says("-l2a", "MSIL2A", "_L2A") {
        Some("L2A")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, assets: &[(&str, &str)]) -> Result<(), String> {
        let parsed = |(band, url): &(&str, &str)| ((*band).to_owned(), url.parse().unwrap());
        let cell = Cell {
            id: id.parse().unwrap(),
            assets: assets.iter().map(parsed).collect(),
            output: "s3://my-bucket/".parse().unwrap(),
            region: None,
            request_payer: false,
        };
        check_evidence(&cell).map_err(|error| error.to_string())
    }

    const L2A: &str = "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m";
    const L1C: &str = "s3://sentinel-s2-l1c/tiles/48/R/XT/2020/8/1/0";

    #[test]
    fn an_object_that_is_named_after_another_band_is_refused() {
        let swapped = format!("{L2A}/B04.jp2");
        assert_eq!(
            check("48RXT/2020-08-01/0", &[("B02", &swapped)]).unwrap_err(),
            "asset B02 is s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/B04.jp2, which is named after B04; correct one of them"
        );
        let name = "s3://usgs-landsat/LC08_L2SP_033032_20231008_20231017_02_T1";
        let landsat = |band: &str, file: &str| {
            let url = format!("{name}_{file}.TIF");
            check("033032/2023-10-08/0", &[(band, &url)])
        };
        assert_eq!(landsat("SR_B4", "SR_B4"), Ok(()));
        assert!(
            landsat("SR_B4", "SR_B5")
                .unwrap_err()
                .contains("named after SR_B5")
        );
        for plain in [
            "red.tif",
            "B04-new.jp2",
            "T29UNU_20221005T115411_B04_60m.jp2",
            "7.jp2",
        ] {
            let url = format!("s3://bucket/x/{plain}");
            assert_eq!(
                check("48RXT/2020-08-01/0", &[("B04", &url)]),
                Ok(()),
                "{plain}"
            );
        }
    }

    #[test]
    fn bands_of_two_levels_are_refused() {
        let (red, nir) = (format!("{L2A}/B04.jp2"), format!("{L1C}/B08.jp2"));
        let mixed = [("B04", red.as_str()), ("B08", nir.as_str())];
        assert_eq!(
            check("48RXT/2020-08-01/0", &mixed).unwrap_err(),
            "band B04 is of level L2A, band B08 of level L1C; give bands of one level"
        );
        let (cog, other) = (
            "s3://bucket/S2A_48RXT_20200801_1_L2A/B04.tif",
            "s3://bucket/B08.tif",
        );
        let believed = [("B04", cog), ("B08", other)];
        assert_eq!(check("48RXT/2020-08-01/0", &believed), Ok(()));
    }
}
