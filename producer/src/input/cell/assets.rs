//! Which objects are the bands of a cell.

use std::collections::BTreeMap;

use tilefleet_common::aws::ListedObject;
use tilefleet_common::domain::{
    InputBand, Job, LandsatLevel, LandsatProduct, S3Url, SceneLayout, ScenePath, Sensor, Tile,
    band_in_object_name, bands_of as all_bands_of, find_band, sensor_of_addresses,
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

/// What level 1C of Sentinel-2 does not have.
const OF_LEVEL_2A: [&str; 4] = ["SCL", "CLD", "AOT", "WVP"];

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
    let bands = bands_of(job, sensor)?;
    let is_lacking = |input: &&InputBand| OF_LEVEL_2A.contains(&input.band.as_str());
    if let Some(lacking) = bands.iter().find(is_lacking)
        && prefix.bucket().contains("l1c")
    {
        return Err(CellError::NotInLevel1C {
            recipe: job.name().to_owned(),
            band: lacking.band.clone(),
        });
    }
    let bands = bands.into_iter();
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
    let is_landsat = |name: &&String| name.to_ascii_uppercase().starts_with("SR_B");
    if sensor == Sensor::Sentinel2
        && let Some(asset) = given.keys().find(is_landsat)
    {
        let asset = asset.clone();
        return Err(CellError::UnknownLandsat { asset });
    }
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
    let asset = |InputBand { band, .. }: InputBand| {
        let mut found: Vec<&S3Url> = listed
            .iter()
            .map(|object| &object.url)
            .filter(|url| is_of_band(url, &band, sensor))
            .collect();
        found.sort_by_key(|url| metres_of(url));
        match found.as_slice() {
            [] => Err(CellError::MissingBand {
                band,
                prefix: prefix.clone(),
                found: bands_in_words(listed, sensor),
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

/// Whether an object is that of `band`, by its name.
fn is_of_band(object: &S3Url, band: &str, sensor: Sensor) -> bool {
    match sensor {
        Sensor::Sentinel2 => band_in_object_name(object.object_name(), band),
        Sensor::LandsatOli | Sensor::LandsatTm => is_landsat_object(object.object_name(), band),
    }
}

/// Which bands of the sensor are among the objects, for a message that misses another.
fn bands_in_words(listed: &[ListedObject], sensor: Sensor) -> String {
    let is_there = |band: &str| {
        let mut objects = listed.iter().map(|object| &object.url);
        objects.any(|object| is_of_band(object, band, sensor))
    };
    let bands = all_bands_of(sensor).iter().map(|band| band.key);
    let bands: Vec<&str> = bands.filter(|band| is_there(band)).collect();
    if bands.is_empty() {
        "nor of any other band".to_owned()
    } else {
        format!("where {} are", bands.join(", "))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn job(recipe: &str) -> Job {
        recipe.parse().unwrap()
    }

    fn given(assets: &[(&str, &str)]) -> BTreeMap<String, S3Url> {
        let parsed = |(name, key): &(&str, &str)| {
            let url = format!("s3://bucket/{key}").parse().unwrap();
            ((*name).to_owned(), url)
        };
        assets.iter().map(parsed).collect()
    }

    fn resolved(assets: &[(&str, &str)], recipe: &str) -> Result<Vec<String>, String> {
        let assets = assets_of_job(&given(assets), None, &job(recipe));
        let shown = |(band, url): (String, S3Url)| format!("{band} {}", url.key());
        match assets {
            Ok(assets) => Ok(assets.into_iter().map(shown).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn bands_are_found_by_every_name_that_catalogues_have_for_them() {
        let ndvi = "expr:(N - R) / (N + R)";
        for (red, near_infrared) in [("red", "nir"), ("B04_10m", "B08_10m"), ("b4", "B8")] {
            let assets = [
                (red, "r.tif"),
                (near_infrared, "n.tif"),
                ("visual", "v.tif"),
            ];
            let found = resolved(&assets, ndvi).unwrap();
            assert_eq!(found, ["B04 r.tif", "B08 n.tif"]);
        }
        let landsat = [("red", "LC08_L2SP_1/a.TIF"), ("nir08", "LC08_L2SP_1/b.TIF")];
        let found = resolved(&landsat, ndvi).unwrap();
        assert_eq!(
            found,
            ["SR_B4 LC08_L2SP_1/a.TIF", "SR_B5 LC08_L2SP_1/b.TIF"]
        );
        let tm = [
            ("SR_B3", "LT05_L2SP_1/a.TIF"),
            ("SR_B4", "LT05_L2SP_1/b.TIF"),
        ];
        let found = resolved(&tm, ndvi).unwrap();
        assert_eq!(
            found,
            ["SR_B3 LT05_L2SP_1/a.TIF", "SR_B4 LT05_L2SP_1/b.TIF"]
        );
    }

    #[test]
    fn of_several_names_of_a_band_the_plainest_and_finest_wins() {
        for (names, winner) in [
            (&["red", "red-jp2"][..], "red"),
            (&["B04_20m", "B04_10m", "B04_60m"], "B04_10m"),
            (&["red-jp2", "B04"], "B04"),
        ] {
            let assets: Vec<(&str, &str)> = names.iter().map(|name| (*name, *name)).collect();
            assert_eq!(
                resolved(&assets, "expr:R").unwrap(),
                [format!("B04 {winner}")]
            );
        }
        assert_eq!(
            resolved(&[("red", "x"), ("Red", "y")], "expr:R").unwrap_err(),
            "assets Red and red are both band B04; remove one, or rename the right one to B04"
        );
    }

    #[test]
    fn a_missing_band_lists_the_names_that_are_there_and_two_bands_are_two_objects() {
        assert_eq!(
            resolved(&[("rededge", "x"), ("blue", "y")], "expr:RE1 / B").unwrap_err(),
            "no asset B05, which recipe expr-9bd7836b reads; it reads B05, B02; the cell has blue, rededge"
        );
        assert_eq!(
            resolved(&[("red", "x"), ("nir", "x")], "expr:N / R").unwrap_err(),
            "bands B08 and B04 are one object, s3://bucket/x; give each its own"
        );
        let unknown = resolved(&[("SR_B4", "x.TIF")], "expr:R").unwrap_err();
        assert!(
            unknown.starts_with("asset SR_B4 is Landsat's, but no address"),
            "{unknown}"
        );
        let landsat = resolved(&[("red", "LT05_L2SP_1/a.TIF")], "expr:RE1 / R").unwrap_err();
        assert!(
            landsat.contains("reads RE1, which Landsat TM does not have"),
            "{landsat}"
        );
    }

    #[test]
    fn a_band_that_a_resolution_lacks_is_read_from_the_folder_that_has_it() {
        let scene = "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0";
        let keys = |folder: &str, recipe: &str| {
            let prefix: S3Url = format!("{scene}/{folder}").parse().unwrap();
            let path = ScenePath::from_key(prefix.key()).unwrap();
            let assets = assets_of_layout(&prefix, &path, &job(recipe)).unwrap();
            let below = |url: &S3Url| url.to_string().replace(scene, "");
            assets.values().map(below).collect::<Vec<_>>()
        };
        let expression = "expr:where(SCL == 4, (N - RE1) / R, A)";
        assert_eq!(
            keys("R10m/", expression),
            [
                "/R60m/B01.jp2",
                "/R10m/B04.jp2",
                "/R20m/B05.jp2",
                "/R10m/B08.jp2",
                "/R20m/SCL.jp2"
            ]
        );
        assert_eq!(
            keys("R60m/", "expr:R / N2"),
            ["/R60m/B04.jp2", "/R60m/B8A.jp2"]
        );
        assert_eq!(
            keys("R20m", "expr:R / N"),
            ["/R20m/B04.jp2", "/R10m/B08.jp2"]
        );
        assert_eq!(keys("", "expr:R"), ["/B04.jp2"], "level 1C has no folders");
        let level_1c: S3Url = "s3://sentinel-s2-l1c/tiles/48/R/XT/2020/8/1/0/"
            .parse()
            .unwrap();
        let path = ScenePath::from_key(level_1c.key()).unwrap();
        let refused = assets_of_layout(&level_1c, &path, &job("scl"))
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with("recipe scl reads SCL, which level 1C does not have"));
    }

    #[test]
    fn of_a_listing_the_finest_resolution_is_taken_and_landsat_is_known_by_its_names() {
        let listed = |keys: &[&str]| {
            let object = |key: &&str| ListedObject {
                url: format!("s3://bucket/{key}").parse().unwrap(),
                bytes: 1,
            };
            keys.iter().map(object).collect::<Vec<_>>()
        };
        let prefix = "s3://bucket/x/".parse().unwrap();
        let found = |keys: &[&str], recipe| {
            let assets = assets_of_listing(&prefix, &listed(keys), None, &job(recipe));
            let shown = |(band, url): (String, S3Url)| format!("{band} {}", url.key());
            let shown = assets.map(|assets| assets.into_iter().map(shown).collect::<Vec<_>>());
            shown.map_err(|error| error.to_string())
        };
        let safe = ["x/R20m/T_B04_20m.jp2", "x/R10m/T_B04_10m.jp2"];
        assert_eq!(
            found(&safe, "expr:R").unwrap(),
            ["B04 x/R10m/T_B04_10m.jp2"]
        );
        let twice = found(&["x/a/T_B04.jp2", "x/b/T_B04.jp2"], "expr:R").unwrap_err();
        assert!(twice.contains("exists more than once"), "{twice}");
        let missing = found(&["x/T_B04.jp2", "x/T_B8A.jp2"], "expr:N").unwrap_err();
        let words = "no object of band B08 below s3://bucket/x/, where B04, B8A are; check ";
        assert!(missing.starts_with(words), "{missing}");
        let oli = ["x/LC08_L2SP_1_T1_SR_B4.TIF", "x/LC08_L2SP_1_T1_SR_B5.TIF"];
        assert_eq!(
            found(&oli, "expr:N").unwrap(),
            ["SR_B5 x/LC08_L2SP_1_T1_SR_B5.TIF"]
        );
    }
}
