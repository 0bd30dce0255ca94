//! A vegetation index of a full-size scene: ours with a mask, against scripts of users without one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tilefleet_scenes::Band;

use crate::bands::{self, Kind};
use crate::contenders::Programs;
use crate::rounds::Contender;

/// The built-in recipe `ndvi` for scenes without metadata.
const NDVI: &str = r#"
name = "ndvi"
title = "Normalized difference vegetation index"
[[output]]
name = "ndvi"
expression = "(N - R) / (N + R)"
dtype = "int16"
scale = 0.0001
nodata = -32768
[radiometry]
assume = { scale = 0.0001, offset = -0.1 }
"#;

/// The built-in recipe `evi`, the same way.
const EVI: &str = r#"
name = "evi"
title = "Enhanced vegetation index"
[[output]]
name = "evi"
expression = "g * (N - R) / (N + C1 * R - C2 * B + L)"
dtype = "float32"
nodata = nan
[radiometry]
assume = { scale = 0.0001, offset = -0.1 }
"#;

/// What an index is made of.
#[derive(Debug)]
pub(crate) struct Inputs {
    blue: PathBuf,
    red: PathBuf,
    infrared: PathBuf,
    classes: PathBuf,
    ndvi: PathBuf,
    evi: PathBuf,
}

/// Makes the bands and recipes below `home`, unless an earlier run has left them there.
pub(crate) fn provide(
    size: u32,
    home: &Path,
    programs: &Programs,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Inputs> {
    let visible = bands::provide(Kind::Dense, size, home, say)?;
    let infrared = bands::provide_band(Kind::Dense, Band::B08, size, home, say)?;
    let [red, _, blue] = visible.paths;
    let classes = home.join(format!("classes-{size}.jp2"));
    if !classes.exists() {
        let made = Command::new("/usr/bin/python3")
            .arg(programs.script("classes.py"))
            .args([&red, &classes])
            .status()
            .context("cannot start python3")?;
        ensure!(made.success(), "classes.py ended with {made}");
    }
    let recipe = |name: &str, text: &str| {
        let path = home.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok::<_, anyhow::Error>(path)
    };
    Ok(Inputs {
        blue,
        red,
        infrared,
        classes,
        ndvi: recipe("ndvi.toml", NDVI)?,
        evi: recipe("evi.toml", EVI)?,
    })
}

/// Ours, with and without what it does beside decoding and writing, and theirs.
pub(crate) fn ndvi(programs: &Programs, inputs: &Inputs) -> Vec<Contender> {
    let bands = [("B04", &inputs.red), ("B08", &inputs.infrared)];
    let recipe = ["--recipe".to_owned(), inputs.ndvi.display().to_string()];
    let masked = [
        ("B04", &inputs.red),
        ("B08", &inputs.infrared),
        ("SCL", &inputs.classes),
    ];
    let mask = ["--mask".to_owned(), "clouds:2".to_owned()];
    let files = [&inputs.red, &inputs.infrared].map(|path| path.display().to_string());
    vec![
        programs.fuse(
            "ndvi with mask and dilation",
            &masked,
            &[&recipe[..], &mask[..]].concat(),
        ),
        programs.fuse("ndvi without", &bands, &recipe),
        programs.fuse("a stack of the two bands", &bands, &[]),
        programs.scripted(
            "a script with rasterio",
            programs.python(),
            "ndvi.py",
            "rasterio.tif",
            &files,
        ),
        programs.scripted(
            "gdal_calc.py and gdal_translate",
            "/usr/bin/bash".into(),
            "gdal_calc.sh",
            "calc.tif",
            &files,
        ),
    ]
}

/// Three bands by an expression, and stacked.
pub(crate) fn evi(programs: &Programs, inputs: &Inputs) -> Vec<Contender> {
    let bands = [
        ("B08", &inputs.infrared),
        ("B04", &inputs.red),
        ("B02", &inputs.blue),
    ];
    let recipe = ["--recipe".to_owned(), inputs.evi.display().to_string()];
    vec![
        programs.fuse("evi", &bands, &recipe),
        programs.fuse("a stack of the three bands", &bands, &[]),
    ]
}
