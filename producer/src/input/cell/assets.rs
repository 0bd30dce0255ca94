//! Which objects are the bands of a cell.

use std::collections::BTreeMap;

use tilefleet_common::aws::ListedObject;
use tilefleet_common::domain::{
    InputBand, Job, LandsatLevel, LandsatProduct, S3Url, SceneLayout, ScenePath, Sensor, Tile,
    band_in_object_name, find_band, sensor_of_addresses,
};

use super::error::CellError;

/// The folders of the resolutions of Sentinel-2 L2A, finest first, with the bands that are in them
/// (Sentinel-2 Products Specification, "Level-2A").
const FOLDERS: [(&str, &[&str]); 3] = [
    ("R10m", &["B02", "B03", "B04", "B08", "AOT", "WVP"]),
    (
        "R20m",
        &[
            "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12", "SCL", "AOT", "WVP",
        ],
    ),
    (
        "R60m",
        &[
            "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12", "SCL",
            "AOT", "WVP",
        ],
    ),
];

/// The sensor of which objects with these addresses are. Without a name of Landsat, and without a
/// path and row as `tile`, it is Sentinel-2.
fn sensor_of<'a>(
    tile: Option<Tile>,
    addresses: impl IntoIterator<Item = &'a S3Url>,
) -> Result<Sensor, CellError> {
    match sensor_of_addresses(tile, addresses.into_iter().map(S3Url::key)) {
        Some(sensor) => Ok(sensor),
        None if matches!(tile, Some(Tile::Wrs2(_))) => Err(CellError::NoSensor),
        None => Ok(Sensor::Sentinel2),
    }
}

/// The bands that `job` reads of the sensor.
fn bands_of(job: &Job, sensor: Sensor) -> Result<Vec<InputBand>, CellError> {
    let resolved = job.resolve(sensor).map_err(CellError::Recipe)?;
    Ok(resolved.map(|recipe| recipe.inputs).unwrap_or_default())
}

/// The bands in a prefix with the layout of a scene bucket, where their names are known.
pub(super) fn assets_of_layout(
    prefix: &S3Url,
    path: &ScenePath,
    job: &Job,
) -> Result<BTreeMap<String, S3Url>, CellError> {
    let sensor = sensor_of(Some(path.tile), [prefix])?;
    let bands = bands_of(job, sensor)?.into_iter();
    Ok(bands
        .map(|InputBand { band, .. }| {
            let url = match path.layout {
                SceneLayout::Jp2 => address_of_sentinel_2(prefix, &band),
                SceneLayout::Cogs | SceneLayout::Landsat(_) => prefix.join(&path.object_of(&band)),
            };
            (band, url)
        })
        .collect())
}

/// The address of a band below a scene's prefix, which may be a folder of one resolution. A band
/// that this resolution does not have is in the folder of its finest one.
fn address_of_sentinel_2(prefix: &S3Url, band: &str) -> S3Url {
    let key = prefix.key().trim_end_matches('/');
    let (above, last) = key.rsplit_once('/').unwrap_or(("", key));
    let given = FOLDERS.iter().find(|(folder, _)| *folder == last);
    let object = format!("{band}.jp2");
    let Some((_, bands)) = given else {
        return prefix.join(&object);
    };
    if bands.contains(&band) {
        return prefix.join(&object);
    }
    let Ok(scene) = S3Url::new(prefix.bucket(), above) else {
        return prefix.join(&object);
    };
    match FOLDERS.iter().find(|(_, bands)| bands.contains(&band)) {
        Some((folder, _)) => scene.join(&format!("{folder}/{object}")),
        None if band == "CLD" => scene.join("qi/CLD_20m.jp2"),
        None => prefix.join(&object),
    }
}

/// The bands among the assets that a cell names, by whatever names catalogues have for them. Only
/// those that the recipe reads are kept, so that a task's content does not depend on the others.
pub(super) fn assets_of_job(
    given: &BTreeMap<String, S3Url>,
    tile: Option<Tile>,
    job: &Job,
) -> Result<BTreeMap<String, S3Url>, CellError> {
    let sensor = sensor_of(tile, given.values())?;
    let bands = bands_of(job, sensor)?;
    let names: Vec<&str> = bands.iter().map(|input| input.band.as_str()).collect();
    let mut assets: BTreeMap<String, S3Url> = BTreeMap::new();
    for band in &names {
        let url = asset_of(given, sensor, band)?.ok_or_else(|| CellError::MissingAsset {
            band: (*band).to_owned(),
            recipe: job.name().to_owned(),
            bands: names.join(", "),
            found: given.keys().cloned().collect::<Vec<_>>().join(", "),
        })?;
        if url.object_name().is_empty() {
            return Err(CellError::AssetIsPrefix {
                band: (*band).to_owned(),
                url: url.clone(),
            });
        }
        if let Some((other, _)) = assets.iter().find(|(_, known)| *known == url) {
            return Err(CellError::OneObject {
                one: other.clone(),
                other: (*band).to_owned(),
                url: url.clone(),
            });
        }
        assets.insert((*band).to_owned(), url.clone());
    }
    Ok(assets)
}

/// The asset that is `band`. Of several the name decides: the band's own name first, then one
/// without an ending, then the finest resolution, and `-jp2` last.
fn asset_of<'a>(
    given: &'a BTreeMap<String, S3Url>,
    sensor: Sensor,
    band: &str,
) -> Result<Option<&'a S3Url>, CellError> {
    let rank = |name: &str| {
        let endings = ["_10m", "_20m", "_60m", "-jp2"];
        let lower = name.to_ascii_lowercase();
        let ending = endings.iter().position(|ending| lower.ends_with(ending));
        match ending {
            _ if name == band => 0,
            None => 1,
            Some(place) => 2 + place,
        }
    };
    let is_it = |name: &str| find_band(sensor, name).is_some_and(|found| found.key == band);
    let mut found: Vec<(usize, &String, &S3Url)> = given
        .iter()
        .filter(|(name, _)| is_it(name))
        .map(|(name, url)| (rank(name), name, url))
        .collect();
    found.sort_by_key(|(rank, ..)| *rank);
    match found.as_slice() {
        [] => Ok(None),
        [(first, one, url), (second, other, another), ..] if first == second && url != another => {
            Err(CellError::SeveralAssets {
                band: band.to_owned(),
                one: (*one).clone(),
                other: (*other).clone(),
            })
        }
        [(_, _, url), ..] => Ok(Some(*url)),
    }
}

/// The bands among the objects that are listed below `prefix`.
pub(super) fn assets_of_listing(
    prefix: &S3Url,
    listed: &[ListedObject],
    tile: Option<Tile>,
    job: &Job,
) -> Result<BTreeMap<String, S3Url>, CellError> {
    let sensor = sensor_of(tile, listed.iter().map(|object| &object.url))?;
    let is_object = |name: &str, band: &str| match sensor {
        Sensor::Sentinel2 => band_in_object_name(name, band),
        Sensor::LandsatOli | Sensor::LandsatTm => is_landsat_object(name, band),
    };
    let asset = |InputBand { band, .. }: InputBand| {
        let mut found: Vec<&S3Url> = listed
            .iter()
            .map(|object| &object.url)
            .filter(|url| is_object(url.object_name(), &band))
            .collect();
        found.sort_by_key(|url| metres_of(url));
        match found.as_slice() {
            [] => Err(CellError::MissingBand {
                band,
                prefix: prefix.clone(),
            }),
            // Of one band in several resolutions the finest.
            [first, second, ..] if metres_of(first) == metres_of(second) => {
                Err(CellError::SeveralOfBand {
                    band,
                    prefix: prefix.clone(),
                    one: below(first, prefix),
                    other: below(second, prefix),
                })
            }
            [only, ..] => Ok((band, (*only).clone())),
        }
    };
    bands_of(job, sensor)?.into_iter().map(asset).collect()
}

/// The resolution in an object's name or folder; objects without one come last.
fn metres_of(object: &S3Url) -> u32 {
    let in_name = |metres: u32| {
        let (name, folder) = (format!("_{metres}m."), format!("/R{metres}m/"));
        object.object_name().contains(&name) || object.key().contains(&folder)
    };
    let found = [10, 20, 60].into_iter().find(|metres| in_name(*metres));
    found.unwrap_or(u32::MAX)
}

/// Whether `name` is the object of `band` in a Landsat product: `LC08_…_T1_SR_B4.TIF`.
fn is_landsat_object(name: &str, band: &str) -> bool {
    let stem = name
        .strip_suffix(".TIF")
        .or_else(|| name.strip_suffix(".tif"));
    let product = stem.and_then(|stem| stem.strip_suffix(band));
    product.is_some_and(|product| product.ends_with('_'))
}

fn below(object: &S3Url, prefix: &S3Url) -> String {
    object
        .key()
        .strip_prefix(prefix.key())
        .unwrap_or(object.key())
        .to_owned()
}

/// Whether an object of that name is a JPEG 2000 file or a TIFF, and so not a prefix.
pub(super) fn is_image(name: &str) -> bool {
    let Some((_, extension)) = name.rsplit_once('.') else {
        return false;
    };
    ["jp2", "tif", "tiff"]
        .iter()
        .any(|image| extension.eq_ignore_ascii_case(image))
}

/// Refuses objects of Landsat products that have no surface reflectance.
pub(super) fn check_level<'a>(
    objects: impl IntoIterator<Item = &'a S3Url>,
) -> Result<(), CellError> {
    for object in objects {
        if let Some(product) = LandsatProduct::of_address(object.key())
            && product.level == LandsatLevel::Level1
        {
            return Err(CellError::Level1 {
                product: product.name,
            });
        }
    }
    Ok(())
}
