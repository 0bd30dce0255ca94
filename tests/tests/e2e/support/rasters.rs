//! Checks of rasters by GDAL and a validator.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use gdal::{Dataset, Metadata as _};
use tilefleet_tests::layout;

/// Fails unless `rio cogeo validate --strict` passes without a warning.
pub(crate) fn assert_valid_cog(path: &Path) -> Result<()> {
    let rio = layout::workspace_root().join(".venv/bin/rio");
    let output = Command::new(&rio)
        .args(["cogeo", "validate", "--strict"])
        .arg(path)
        .output()
        .with_context(|| format!("cannot run {}", rio.display()))?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    ensure!(
        words.contains("is a valid cloud optimized GeoTIFF"),
        "{words}"
    );
    ensure!(!words.to_lowercase().contains("warning"), "{words}");
    Ok(())
}

/// Fails unless the raster at `output` is made of the bands in `inputs`, in this order, as GDAL
/// reads them.
pub(crate) fn assert_made_of(output: &Path, inputs: &[impl AsRef<Path>]) -> Result<()> {
    let fused =
        Dataset::open(output).with_context(|| format!("cannot open {}", output.display()))?;
    ensure!(
        fused.raster_count() == inputs.len(),
        "{} bands",
        fused.raster_count()
    );
    for (index, path) in inputs.iter().enumerate() {
        let path = path.as_ref();
        let input =
            Dataset::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let (one, other) = (fused.rasterband(index + 1)?, input.rasterband(1)?);
        ensure!(
            one.band_type() == other.band_type(),
            "{} became {}",
            other.band_type(),
            one.band_type()
        );
        ensure!(
            fused.geo_transform()?.map(f64::to_bits) == input.geo_transform()?.map(f64::to_bits),
            "another transform than {}",
            path.display()
        );
        ensure!(
            fused.spatial_ref()?.auth_code()? == input.spatial_ref()?.auth_code()?,
            "another CRS than {}",
            path.display()
        );
        let (pixels, expected) = (one.read_band_as::<u16>()?, other.read_band_as::<u16>()?);
        ensure!(
            pixels.shape() == expected.shape(),
            "{:?} became {:?}",
            expected.shape(),
            pixels.shape()
        );
        let different = pixels
            .data()
            .iter()
            .zip(expected.data())
            .filter(|(one, other)| one != other)
            .count();
        ensure!(
            different == 0,
            "{different} pixels differ from {}",
            path.display()
        );
        ensure!(
            one.no_data_value() == Some(0.0),
            "nodata is {:?}",
            one.no_data_value()
        );
        ensure!(
            one.overview_count()? == 5,
            "{} overviews",
            one.overview_count()?
        );
        for item in [
            "STATISTICS_MINIMUM",
            "STATISTICS_MAXIMUM",
            "STATISTICS_MEAN",
            "STATISTICS_STDDEV",
        ] {
            ensure!(one.metadata_item(item, "").is_some(), "no {item}");
        }
        let valid: Vec<f64> = expected
            .data()
            .iter()
            .filter(|&&pixel| pixel != 0)
            .map(|&pixel| pixel.into())
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "far fewer pixels than 2^52")]
        let mean = valid.iter().sum::<f64>() / valid.len() as f64;
        let written: f64 = one
            .metadata_item("STATISTICS_MEAN", "")
            .context("no mean")?
            .parse()?;
        ensure!(
            (written - mean).abs() < 1e-6,
            "mean {written} instead of {mean}"
        );
    }
    Ok(())
}
