//! A task by recipe from submit to raster: split, masked, and cut to an area.

use anyhow::{Context as _, Result, ensure};
use gdal::Dataset;
use serde_json::{Value, json};

use super::recipes::submit;
use crate::support::rasters;
use crate::support::site::Site;

/// Two rasters of one band each.
const TWO: &str = r#"
name = "two"
title = "Two rasters"
[[output]]
name = "B02"
band = "B02"
file = "blue"
[[output]]
name = "B03"
band = "B03"
file = "green"
"#;

#[tokio::test]
async fn a_recipe_of_several_files_makes_a_raster_of_each() -> Result<()> {
    let site = Site::new("two-files").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let recipe = site.write("two.toml", TWO)?;
    let task = submit(&site, &site.document(std::slice::from_ref(&cell))?, &recipe).await?;
    site.work().await?;
    assert_eq!(site.completion(&task).await?.body["ok"], 1);

    let listed = site.json(&["cells", &task, "-o", "json"]).await?;
    let artefacts = listed[0]["ledger"]["artefacts"]
        .as_array()
        .context("no artefacts")?;
    assert_eq!(artefacts.len(), 2, "{listed}");
    for (artefact, (file, band)) in artefacts.iter().zip([("blue", "B02"), ("green", "B03")]) {
        let key = artefact["location"].as_str().context("no location")?;
        ensure!(key.ends_with(&format!("_{file}.tif")), "{key}");
        let raster = site.output(key).await?;
        rasters::assert_made_of(&raster, &[site.band(&cell, band)?])?;
        rasters::assert_valid_cog(&raster)?;
    }
    site.producer(&["verify", &task]).await?.expect_code(0)?;
    Ok(())
}

/// The box in the middle of the scene, in degrees.
fn middle(raster: &Dataset) -> Result<String> {
    let [x, width, _, y, _, height] = raster.geo_transform()?;
    let (columns, rows) = raster.raster_size();
    let mut system = raster.spatial_ref()?;
    let mut degrees = gdal::spatial_ref::SpatialRef::from_epsg(4326)?;
    for system in [&mut system, &mut degrees] {
        system
            .set_axis_mapping_strategy(gdal::spatial_ref::AxisMappingStrategy::TraditionalGisOrder);
    }
    let transform = gdal::spatial_ref::CoordTransform::new(&system, &degrees)?;
    #[expect(clippy::cast_precision_loss, reason = "a small image")]
    let at = |share: f64| {
        (
            x + width * columns as f64 * share,
            y + height * rows as f64 * share,
        )
    };
    let mut corners = [at(0.25), at(0.75)];
    for (x, y) in &mut corners {
        let (mut xs, mut ys) = ([*x], [*y]);
        transform.transform_coords(&mut xs, &mut ys, &mut [])?;
        (*x, *y) = (xs[0], ys[0]);
    }
    let [(west, north), (east, south)] = corners;
    Ok(format!("{west},{south},{east},{north}"))
}

#[tokio::test]
async fn a_cut_raster_has_the_pixels_of_the_same_window_of_the_whole_one() -> Result<()> {
    let site = Site::new("cut").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let document = site.document(std::slice::from_ref(&cell))?;
    // The median reads beyond the border of the area.
    let recipe = r#"
name = "smooth"
title = "Green over red, smoothed"
[[output]]
name = "smooth"
expression = "(G - R) / (G + R)"
[filter]
median = 5
[radiometry]
assume = { scale = 0.0001, offset = 0 }
"#;
    let recipe = site.write("smooth.toml", recipe)?;
    let submitted = |arguments: &[&str]| {
        let command = [
            &["submit", &document, "--recipe", &recipe, "-o", "json"],
            arguments,
        ];
        let command: Vec<String> = command.concat().iter().map(|&it| it.to_owned()).collect();
        async {
            let command = command;
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let submitted = site.json(&command).await?;
            let task = submitted["task"].as_str().context("no task")?.to_owned();
            site.work().await?;
            assert_eq!(site.completion(&task).await?.body["ok"], 1);
            let listed: Value = site.json(&["cells", &task, "-o", "json"]).await?;
            let key = &listed[0]["ledger"]["artefacts"][0]["location"];
            let key = key.as_str().context("no location")?.to_owned();
            Ok::<_, anyhow::Error>((site.output(&key).await?, key))
        }
    };
    let (whole, whole_key) = submitted(&[]).await?;
    let whole = Dataset::open(&whole)?;
    let bounds = middle(&whole)?;
    let bbox = format!("--bbox={bounds}");
    let (cut, cut_key) = submitted(&[&bbox]).await?;
    assert_ne!(whole_key, cut_key);
    rasters::assert_valid_cog(&cut)?;
    let cut = Dataset::open(&cut)?;

    // Where the cut lies in the whole.
    let [x, width, _, y, _, height] = whole.geo_transform()?;
    let [left, _, _, top, _, _] = cut.geo_transform()?;
    #[expect(clippy::cast_possible_truncation, reason = "a small image")]
    let (column, row) = (
        ((left - x) / width).round() as isize,
        ((top - y) / height).round() as isize,
    );
    let extent = cut.raster_size();
    ensure!(extent.0 < whole.raster_size().0 && column > 0 && row > 0);
    let of_whole = whole
        .rasterband(1)?
        .read_as::<f32>((column, row), extent, extent, None)?;
    let of_cut = cut.rasterband(1)?.read_band_as::<f32>()?;
    let pairs = of_cut.data().iter().zip(of_whole.data());
    let inside: Vec<_> = pairs.filter(|(cut, _)| !cut.is_nan()).collect();
    ensure!(inside.len() * 10 > of_cut.data().len() * 5, "{bounds}");
    let differ = inside
        .iter()
        .filter(|(cut, whole)| cut.to_bits() != whole.to_bits());
    assert_eq!(differ.count(), 0);
    Ok(())
}

#[tokio::test]
async fn without_metadata_an_index_fails_with_what_was_looked_for() -> Result<()> {
    let site = Site::new("no-metadata").await?;
    let cell = site.add_scene_of("48RXT", "2020-08-01", 64).await?;
    let document = site.document(&[cell])?;
    let task = submit(&site, &document, "expr:(G - R) / (G + R)").await?;
    site.work().await?;
    assert_eq!(site.completion(&task).await?.body["failed"], 1);
    let listed = site.json(&["cells", &task, "-o", "json"]).await?;
    let cell = &listed[0]["ledger"];
    assert_eq!(cell["error_code"], json!("unknown_radiometry"), "{listed}");
    let message = cell["error_message"].as_str().context("no message")?;
    ensure!(
        message.contains("productInfo.json") && message.contains("assume"),
        "{message}"
    );
    Ok(())
}
