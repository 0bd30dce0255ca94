//! The average overviews of a raster in memory, each made from the one before.
//!
//! That is how `gdaladdo -r average` fills a `GeoTIFF`, so overviews come out as those of earlier products do. GDAL's MEM
//! driver on its own averages the full image for each level, which differs where sides are odd.

use gdal::errors::GdalError;
use gdal::raster::Buffer;
use gdal::{Dataset, DriverManager};

use super::Cancel;
use super::decode::Sample;
use super::error::FuseError;
use super::session::Session;

/// Factors of the overviews: the walk-through's, all five, which users of its outputs know.
const FACTORS: [u32; 5] = [2, 4, 8, 16, 32];

/// The factors that leave at least one whole pixel of an image with this shorter side.
///
/// GDAL's COG driver would stop where one tile holds everything. The levels beyond cost a thousandth of the file, and
/// every output has the same levels, whatever its size.
pub(super) fn factors(shorter_side: usize) -> Vec<u32> {
    FACTORS
        .into_iter()
        .take_while(|&factor| usize::try_from(factor).is_ok_and(|factor| factor <= shorter_side))
        .collect()
}

/// Why overviews were not built.
pub(super) enum Unbuilt {
    Gdal(GdalError),
    Stopped(FuseError),
}

impl From<GdalError> for Unbuilt {
    fn from(error: GdalError) -> Self {
        Self::Gdal(error)
    }
}

impl Unbuilt {
    pub(super) fn explain(self, session: &Session) -> FuseError {
        match self {
            Self::Gdal(error) => session.internal("build overviews", &error),
            Self::Stopped(error) => error,
        }
    }
}

/// Gives the dataset overviews with these factors, leaving out nodata. Its bands must know their nodata value by now.
pub(super) fn build<T: Sample>(
    dataset: &mut Dataset,
    factors: &[u32],
    nodata: f64,
    cancel: &Cancel,
) -> Result<(), Unbuilt> {
    let factors: Vec<i32> = factors.iter().map(|factor| factor.cast_signed()).collect();
    let Some((first, rest)) = factors.split_first() else { return Ok(()) };
    dataset.build_overviews("AVERAGE", &[*first], &[])?;
    if rest.is_empty() {
        return Ok(());
    }
    // Makes room for them and leaves it empty.
    dataset.build_overviews("NONE", rest, &[])?;
    for band in dataset.rasterbands() {
        let band = band?;
        for level in 1..factors.len() {
            cancel.check().map_err(Unbuilt::Stopped)?;
            let mut half = halved::<T>(band.overview(level - 1)?.read_band_as()?, nodata)?;
            let size = half.shape();
            band.overview(level)?.write((0, 0), size, &mut half)?;
        }
    }
    Ok(())
}

/// The average overview of one raster.
fn halved<T: Sample>(mut samples: Buffer<T>, nodata: f64) -> Result<Buffer<T>, GdalError> {
    let size = samples.shape();
    let mut dataset =
        DriverManager::get_driver_by_name("MEM")?.create_with_band_type::<T, _>("", size.0, size.1, 1)?;
    let mut band = dataset.rasterband(1)?;
    band.set_no_data_value(Some(nodata))?;
    band.write((0, 0), size, &mut samples)?;
    drop(samples);
    dataset.build_overviews("AVERAGE", &[2], &[])?;
    dataset.rasterband(1)?.overview(0)?.read_band_as()
}

#[cfg(test)]
mod tests {
    use super::factors;

    #[test]
    fn every_image_of_32_pixels_or_more_has_all_overviews() {
        assert_eq!(factors(10980), [2, 4, 8, 16, 32]);
        assert_eq!(factors(32), [2, 4, 8, 16, 32]);
        assert_eq!(factors(31), [2, 4, 8, 16]);
        assert_eq!(factors(1), [0; 0]);
    }
}
