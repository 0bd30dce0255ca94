//! Recipes of real scenes against a second computation with numpy and rasterio, `reference.py`
//! beside this file. The scenes are not part of the repository: `TILEFLEET_REAL_SCENES` names the
//! directory that holds them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::support::site::Site;
use crate::support::{rasters, reference};

/// Two polygons, one with a hole, in the west of the tile 29UNU, where the scene has pixels.
const IRELAND: &str = r#"{"type": "FeatureCollection", "features": [
  {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [
    [[-8.9, 53.1], [-8.8, 52.45], [-8.3, 52.5], [-8.35, 53.15], [-8.9, 53.1]],
    [[-8.7, 52.9], [-8.5, 52.9], [-8.6, 52.7], [-8.7, 52.9]]]}},
  {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [
    [[-8.25, 52.3], [-8.1, 52.3], [-8.2, 52.4], [-8.25, 52.3]]]}}]}"#;

const COLOMBIA: &str = r#"{"type": "Polygon", "coordinates": [
    [[-75.8, 0.8], [-74.4, 1.0], [-74.6, 2.2], [-75.5, 1.9], [-75.8, 0.8]]]}"#;

/// A normalized difference in the type that the built-in ones have.
const NBR_LIKE: &str = r#"
name = "nbr-like"
title = "Burn ratio of the two bands that the product has at 60 m"
[[output]]
name = "nbr"
expression = "(N2 - S1) / (N2 + S1)"
dtype = "int16"
scale = 0.0001
nodata = -32768
"#;

/// A scene, and how its numbers become reflectance.
struct Scene {
    /// Below the directory of the scenes.
    folder: &'static str,
    reflectance: &'static str,
    /// The name of the mask's band, its file, and what is masked, as `reference.py` takes it.
    mask: (&'static str, &'static str, &'static str),
    area: &'static str,
}

const SENTINEL_2: Scene = Scene {
    folder: "T29UNU_20221005/S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE/GRANULE/L2A_T29UNU_A038058_20221005T115407/IMG_DATA",
    reflectance: "0.0001,-0.1",
    mask: (
        "SCL",
        "R20m/T29UNU_20221005T115411_SCL_20m.jp2",
        "--values=0,1,3,8,9,10",
    ),
    area: IRELAND,
};

const LANDSAT: Scene = Scene {
    folder: "LC08_008059_20191201_decimated",
    reflectance: "2.75e-5,-0.2",
    mask: (
        "QA_PIXEL",
        "LC08_L2SP_008059_20191201_20200825_02_T1_QA_PIXEL.TIF",
        "--bits=1,2,3,4",
    ),
    area: COLOMBIA,
};

/// A run: its scene, its recipe, the bands with their letters and files, and the expression.
struct Run {
    scene: &'static Scene,
    recipe: &'static str,
    bands: &'static [(&'static str, &'static str, &'static str)],
    expression: &'static str,
    dilate: Option<u32>,
    is_clipped: bool,
    /// Tables behind the recipe file, and the median that they ask for.
    more: (&'static str, Option<u32>),
}

const NO_MORE: (&str, Option<u32>) = ("", None);

/// All bands have 60 m: this one is bilinear.
const FINER: (&str, Option<u32>) = ("[grid]\nresolution = 20\n", None);

/// An average whose last pixels reach beyond the tile.
const COARSER: (&str, Option<u32>) = ("[grid]\nresolution = 80\n[filter]\nmedian = 5\n", Some(5));

const RED: (&str, &str, &str) = ("R", "B04", "R60m/T29UNU_20221005T115411_B04_60m.jp2");
const NIR: (&str, &str, &str) = ("N2", "B8A", "R60m/T29UNU_20221005T115411_B8A_60m.jp2");
const SWIR: (&str, &str, &str) = ("S1", "B11", "R60m/T29UNU_20221005T115411_B11_60m.jp2");
const OLI_RED: (&str, &str, &str) = (
    "R",
    "SR_B4",
    "LC08_L2SP_008059_20191201_20200825_02_T1_SR_B4.TIF",
);
const OLI_NIR: (&str, &str, &str) = (
    "N",
    "SR_B5",
    "LC08_L2SP_008059_20191201_20200825_02_T1_SR_B5.TIF",
);

const RUNS: [Run; 8] = [
    Run {
        scene: &SENTINEL_2,
        recipe: "expr:(N2 - R) / (N2 + R)",
        bands: &[NIR, RED],
        expression: "(N2 - R) / (N2 + R)",
        dilate: None,
        is_clipped: false,
        more: NO_MORE,
    },
    Run {
        scene: &SENTINEL_2,
        recipe: "nbr-like.toml",
        bands: &[NIR, SWIR],
        expression: "(N2 - S1) / (N2 + S1)",
        dilate: None,
        is_clipped: false,
        more: NO_MORE,
    },
    Run {
        scene: &SENTINEL_2,
        recipe: "nbr-like.toml",
        bands: &[NIR, SWIR],
        expression: "(N2 - S1) / (N2 + S1)",
        dilate: Some(2),
        is_clipped: false,
        more: NO_MORE,
    },
    Run {
        scene: &SENTINEL_2,
        recipe: "nbr-like.toml",
        bands: &[NIR, SWIR],
        expression: "(N2 - S1) / (N2 + S1)",
        dilate: Some(2),
        is_clipped: true,
        more: NO_MORE,
    },
    Run {
        scene: &LANDSAT,
        recipe: "ndvi",
        bands: &[OLI_NIR, OLI_RED],
        expression: "(N - R) / (N + R)",
        dilate: None,
        is_clipped: false,
        more: NO_MORE,
    },
    Run {
        scene: &LANDSAT,
        recipe: "ndvi",
        bands: &[OLI_NIR, OLI_RED],
        expression: "(N - R) / (N + R)",
        dilate: Some(1),
        is_clipped: true,
        more: NO_MORE,
    },
    Run {
        scene: &SENTINEL_2,
        recipe: "nbr-like.toml",
        bands: &[NIR, SWIR],
        expression: "(N2 - S1) / (N2 + S1)",
        dilate: Some(1),
        is_clipped: false,
        more: FINER,
    },
    Run {
        scene: &SENTINEL_2,
        recipe: "nbr-like.toml",
        bands: &[NIR, SWIR],
        expression: "(N2 - S1) / (N2 + S1)",
        dilate: Some(1),
        is_clipped: false,
        more: COARSER,
    },
];

/// What `reference.py` needs to know of a run.
fn arguments_of(run: &Run, folder: &Path, area: &str) -> Vec<String> {
    let (_, mask, test) = run.scene.mask;
    let bands = run.bands.iter();
    let mut arguments: Vec<String> = bands
        .map(|(letter, _, file)| format!("{letter}={}", folder.join(file).display()))
        .collect();
    arguments.push(format!("--expression={}", run.expression));
    arguments.push(format!("--reflectance={}", run.scene.reflectance));
    if let Some(dilate) = run.dilate {
        arguments.push(format!("--mask={}", folder.join(mask).display()));
        arguments.push(format!("--dilate={dilate}"));
        arguments.push(test.to_owned());
    }
    if let (_, Some(median)) = run.more {
        arguments.push(format!("--median={median}"));
    }
    if run.is_clipped {
        arguments.push(format!("--clip={area}"));
    }
    arguments
}

#[tokio::test]
#[ignore = "needs TILEFLEET_REAL_SCENES"]
async fn real_recipes_have_the_values_of_a_second_computation() -> Result<()> {
    let root = std::env::var_os("TILEFLEET_REAL_SCENES")
        .context("TILEFLEET_REAL_SCENES names no directory")?;
    let root = PathBuf::from(root);
    let site = Site::new("real-recipes").await?;
    let mut valid = vec![];
    for (number, run) in RUNS.iter().enumerate() {
        let folder = root.join(run.scene.folder);
        let area = site.write("area.geojson", run.scene.area)?;
        let raster = site.path(&format!("{number}.tif"));
        let (mask, file, _) = run.scene.mask;
        let text = format!("{NBR_LIKE}{}", run.more.0);
        let toml = site.write("nbr-like.toml", text)?;
        let recipe = match run.recipe {
            "nbr-like.toml" => toml.as_str(),
            recipe => recipe,
        };
        let bands = run.bands.iter().map(|(_, band, file)| (*band, *file));
        let masks = run.dilate.map(|_| (mask, file));
        let mut arguments = vec!["fuse".to_owned()];
        arguments.extend(
            bands
                .chain(masks)
                .map(|(band, file)| format!("{band}={}", folder.join(file).display())),
        );
        arguments.extend(["--recipe".to_owned(), recipe.to_owned()]);
        if let Some(dilate) = run.dilate {
            arguments.extend(["--mask".to_owned(), format!("clouds:{dilate}")]);
        }
        if run.is_clipped {
            arguments.extend(["--clip".to_owned(), area.clone()]);
        }
        arguments.extend(["-o".to_owned(), raster.display().to_string()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        site.fleet.worker(&arguments).await?.expect_code(0)?;
        rasters::assert_valid_cog(&raster)?;
        let arguments = arguments_of(run, &folder, &area);
        let statistics = reference::assert_computed(&raster, &arguments).context(run.recipe)?;
        valid.push(statistics["valid"].as_u64().context("no count")?);
    }
    // Each mask and each area takes pixels away, and leaves some.
    assert!(
        valid[1] > valid[2] && valid[2] > valid[3] && valid[3] > 1000,
        "{valid:?}"
    );
    assert!(valid[4] > valid[5] && valid[5] > 1000, "{valid:?}");
    Ok(())
}
