//! Scenes as files, laid out as in the public bucket: `tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::jp2::encode::{self, Coding};
use crate::landscape::spectrum::Band;
use crate::scene::{PIXEL, Scene};

/// Part of every stamp. Raise it when the same scene gets other samples, so that old files are made
/// again.
const GENERATION: u32 = 1;
/// The folder of the stamps. It lies beside the tiles, so that the tiles can be uploaded as they
/// are.
const STAMPS: &str = ".stamps";

/// The result of writing a band file.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Whether it had to be made; false if an equal one was there.
    pub is_new: bool,
    /// Pixels with data, if it had to be made.
    pub valid: Option<u64>,
}

/// The folder of a scene below the root, as a key prefix without a slash at its end:
/// `tiles/48/R/XT/2020/8/1/0`.
pub fn prefix(scene: &Scene) -> String {
    let Scene { tile, date, .. } = scene;
    format!(
        "tiles/{}/{}/{}/{}/{}/{}/0",
        tile.zone(),
        tile.latitude_band(),
        tile.square(),
        date.year(),
        date.month(),
        date.day()
    )
}

/// The path of a band below the root: `tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2`.
pub fn band_key(scene: &Scene, band: Band) -> String {
    format!("{}/R10m/{band}.jp2", prefix(scene))
}

/// Writes `bands` of a scene, its `tileInfo.json` and its `productInfo.json` below `root`. Files of
/// an equal scene are left as they are.
///
/// # Errors
///
/// If a file cannot be written or GDAL refuses the coding parameters.
pub fn write_scene(
    root: &Path,
    scene: &Scene,
    bands: &[Band],
    coding: &Coding,
) -> Result<Vec<Written>> {
    write_metadata(root, scene)?;
    bands
        .iter()
        .map(|&band| write_band(root, scene, band, coding))
        .collect()
}

/// Writes one band of a scene, unless an equal one is there.
///
/// # Errors
///
/// As [`write_scene`].
pub fn write_band(root: &Path, scene: &Scene, band: Band, coding: &Coding) -> Result<Written> {
    let path = root.join(band_key(scene, band));
    let stamp = root.join(STAMPS).join(format!(
        "{}_{}_{band}",
        scene.tile,
        scene.date.strftime("%Y%m%d")
    ));
    let signature = |bytes: u64| {
        format!(
            "{GENERATION} {} {} {} {band} {coding:?} {bytes}\n",
            scene.size, scene.seed, scene.swath
        )
    };
    if let Ok(metadata) = fs::metadata(&path)
        && fs::read_to_string(&stamp).is_ok_and(|found| found == signature(metadata.len()))
    {
        return Ok(Written {
            path,
            bytes: metadata.len(),
            is_new: false,
            valid: None,
        });
    }
    let samples = scene.samples(band);
    let valid = samples.iter().filter(|&&sample| sample != 0).count() as u64;
    let file = encode::jp2(
        &samples,
        scene.size,
        scene.size,
        &scene.georeference(),
        coding,
    )?;
    let bytes = file.len() as u64;
    write_whole(&path, &file)?;
    write_whole(&stamp, signature(bytes).as_bytes())?;
    Ok(Written {
        path,
        bytes,
        is_new: true,
        valid: Some(valid),
    })
}

/// Writes the `tileInfo.json` and the `productInfo.json` of a scene.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write_metadata(root: &Path, scene: &Scene) -> Result<()> {
    let folder = root.join(prefix(scene));
    for (name, document) in [
        ("tileInfo.json", tile_info(scene)),
        ("productInfo.json", product_info(scene)),
    ] {
        write_whole(&folder.join(name), format!("{document:#}\n").as_bytes())?;
    }
    Ok(())
}

/// Name and folder of the product, of a baseline without an offset.
fn product(scene: &Scene) -> (String, String) {
    let Scene { tile, date, .. } = scene;
    let day = date.strftime("%Y%m%d");
    let name = format!("S2A_MSIL2A_{day}T033541_N0214_R061_T{tile}_{day}T080000");
    let (year, month, day) = (date.year(), date.month(), date.day());
    let path = format!("products/{year}/{month}/{day}/{name}");
    (name, path)
}

/// The metadata of the product that the public bucket keeps next to a scene's bands.
pub fn product_info(scene: &Scene) -> Value {
    let (name, path) = product(scene);
    let day = scene.date.strftime("%Y%m%d");
    json!({
        "name": name,
        "path": path,
        "timestamp": format!("{}T03:35:41.000Z", scene.date),
        "datatakeIdentifier": format!("GS2A_{day}T033541_026690_N02.14"),
        "tiles": [{ "path": prefix(scene) }],
    })
}

/// The metadata that the public bucket keeps next to a scene's bands, with its field names.
pub fn tile_info(scene: &Scene) -> Value {
    let Scene {
        tile, date, size, ..
    } = scene;
    let georeference = scene.georeference();
    let width = f64::from(*size) * PIXEL;
    let crs = json!({
        "type": "name",
        "properties": { "name": format!("urn:ogc:def:crs:EPSG:8.8.1:{}", georeference.epsg) }
    });
    let ring = |corners: &[(f64, f64)]| -> Value {
        let place = |&(east, south): &(f64, f64)| {
            json!([
                (georeference.west + east * width).round(),
                (georeference.north - south * width).round()
            ])
        };
        corners.iter().chain(corners.first()).map(place).collect()
    };
    let polygon = |corners: &[(f64, f64)]| json!({ "type": "Polygon", "crs": crs, "coordinates": [ring(corners)] });
    let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let percent = |share: f64| (share * 10_000.0).round() / 100.0;

    let day = date.strftime("%Y%m%d");
    let (product, products) = product(scene);
    json!({
        "path": prefix(scene),
        "timestamp": format!("{date}T03:40:24.000Z"),
        "utmZone": tile.zone(),
        "latitudeBand": tile.latitude_band().to_string(),
        "gridSquare": tile.square(),
        "datastrip": {
            "id": format!("S2A_OPER_MSI_L2A_DS_SYNT_{day}T080000_S{day}T033541_N02.14"),
            "path": format!("{products}/datastrip/0"),
        },
        "tileGeometry": polygon(&square),
        "tileDataGeometry": polygon(&scene.swath.outline()),
        "tileOrigin": { "type": "Point", "crs": crs, "coordinates": [georeference.west, georeference.north] },
        "dataCoveragePercentage": percent(scene.swath.coverage()),
        "cloudyPixelPercentage": percent(scene.sky().coverage(georeference.west, georeference.north, width)),
        "productName": product,
        "productPath": products,
    })
}

/// Writes a file completely or not at all, and creates the folders above it.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let failed = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // Two processes may write the same scene. Their content is equal, so that does no harm if each
    // has a temporary name of its own.
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    fs::write(&partial, content)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|source| {
            let _ = fs::remove_file(&partial);
            failed(source)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swath::{Edge, Swath};
    use std::time::SystemTime;

    fn scene() -> Scene {
        Scene::new(
            "48RXT".parse().unwrap(),
            jiff::civil::date(2020, 8, 1),
            64,
            1,
        )
    }

    fn modified(path: &Path) -> SystemTime {
        fs::metadata(path).unwrap().modified().unwrap()
    }

    #[test]
    fn files_lie_where_the_public_bucket_has_them() {
        let root = tempfile::tempdir().unwrap();
        write_scene(root.path(), &scene(), &Band::VISIBLE, &Coding::default()).unwrap();
        for name in [
            "tileInfo.json",
            "productInfo.json",
            "R10m/B02.jp2",
            "R10m/B03.jp2",
            "R10m/B04.jp2",
        ] {
            assert!(
                root.path()
                    .join("tiles/48/R/XT/2020/8/1/0")
                    .join(name)
                    .is_file(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_file_is_made_again_only_if_its_scene_changed_or_it_is_damaged() {
        let root = tempfile::tempdir().unwrap();
        let write =
            |scene: &Scene| write_band(root.path(), scene, Band::B02, &Coding::default()).unwrap();
        let first = write(&scene());
        let (made_at, content) = (modified(&first.path), fs::read(&first.path).unwrap());
        assert!(first.is_new && !write(&scene()).is_new);
        assert_eq!(modified(&first.path), made_at);

        assert!(write(&Scene { seed: 2, ..scene() }).is_new);
        assert!(write(&scene()).is_new);
        assert_eq!(fs::read(&first.path).unwrap(), content);

        fs::write(&first.path, &content[..100]).unwrap();
        assert!(write(&scene()).is_new);
        assert_eq!(fs::read(&first.path).unwrap(), content);
    }

    #[test]
    fn tile_info_tells_how_much_of_the_tile_has_data() {
        let swath = Swath::West(Edge {
            north: 0.75,
            south: 0.25,
        });
        let info = tile_info(&Scene { swath, ..scene() });
        assert_eq!(info["path"], "tiles/48/R/XT/2020/8/1/0");
        assert_eq!(info["gridSquare"], "XT");
        assert_eq!(info["dataCoveragePercentage"], 50.0);
        let ring = info["tileDataGeometry"]["coordinates"][0]
            .as_array()
            .unwrap();
        assert_eq!((ring.len(), &ring[0]), (5, &ring[4]));
    }
}
