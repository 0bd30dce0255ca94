//! Recipes of generated scenes against a second computation with numpy and rasterio,
//! `reference.py` beside this file.

use anyhow::{Context as _, Result};

use crate::support::site::Site;
use crate::support::{rasters, reference};

/// Pixels of 70 m, so that the last ones reach beyond the scene's 6 km.
const GREEN_OVER_RED: &str = r#"
name = "green-red"
title = "Green over red, smoothed, in pixels of 70 m"
[[output]]
name = "vig"
expression = "(G - R) / (G + R)"
dtype = "int16"
scale = 0.0001
nodata = -32768
[grid]
resolution = 70
[filter]
median = 3
[radiometry]
assume = { scale = 0.0001, offset = -0.01 }
"#;

#[tokio::test]
async fn a_recipe_has_the_values_of_a_second_computation() -> Result<()> {
    let site = Site::new("recipe-values").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let recipe = site.write("green-red.toml", GREEN_OVER_RED)?;
    let raster = site.path("out.tif");
    let output = raster.display().to_string();
    // Away from the scene's metadata, which would win over what the recipe assumes.
    let alone = |band: &str| {
        let path = site.path(&format!("{band}.jp2"));
        std::fs::copy(site.band(&cell, band)?, &path)?;
        Ok::<_, anyhow::Error>(path.display().to_string())
    };
    let (green, red) = (alone("B03")?, alone("B04")?);

    let bands = [format!("B03={green}"), format!("B04={red}")];
    let arguments = [
        "fuse", &bands[0], &bands[1], "--recipe", &recipe, "-o", &output,
    ];
    site.fleet.worker(&arguments).await?.expect_code(0)?;

    rasters::assert_valid_cog(&raster)?;
    let inputs = [format!("G={green}"), format!("R={red}")];
    let options = [
        "--expression=(G - R) / (G + R)",
        "--reflectance=0.0001,-0.01",
        "--median=3",
    ];
    let arguments = inputs.into_iter().chain(options.map(str::to_owned));
    let statistics = reference::assert_computed(&raster, &arguments.collect::<Vec<_>>())?;
    let count = |key: &str| statistics[key].as_u64().context("no count");
    assert_eq!(count("pixels")?, 86 * 86);
    assert!(count("valid")? > 86 * 43, "{statistics}");
    assert_ne!(statistics["minimum"], statistics["maximum"], "{statistics}");
    Ok(())
}
