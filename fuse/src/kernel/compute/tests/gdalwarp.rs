//! Resampling against GDAL's warper, which `gdalwarp -et 0 -ovr NONE` runs.

use gdal::raster::Buffer;
use gdal::{Dataset, DriverManager};

use super::image::{Band, computed};
use crate::gdal::MemoryFolder;
use crate::kernel::compute::{
    Computation, Compute, ComputedOutput, Downsample, Measure, Source, Upsample,
};
use crate::kernel::inputs::Resolution;
use crate::sample::Nodata;

/// The output of the warper, with nodata as NaN.
fn warped(band: &Band, image: (u32, u32), method: &str) -> Vec<f32> {
    let folder = MemoryFolder::new();
    let path = folder.path("band.tif");
    let (width, height) = (band.input.size.0 as usize, band.input.size.1 as usize);
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut dataset = driver
        .create_with_band_type::<u16, _>(&path, width, height, 1)
        .unwrap();
    let ratio = band.input.ratios.x;
    let metres = 60.0 * f64::from(ratio.numerator()) / f64::from(ratio.denominator());
    let (left, top) = (499_980.0, 5_900_040.0);
    dataset
        .set_geo_transform(&[left, metres, 0.0, top, 0.0, -metres])
        .unwrap();
    let mut buffer = Buffer::new((width, height), band.samples.clone());
    let mut raster = dataset.rasterband(1).unwrap();
    raster.write((0, 0), (width, height), &mut buffer).unwrap();
    dataset.close().unwrap();
    // A warped VRT is the warper's input as a document. Without an approximating transformer it is
    // exact.
    let transform = |metres: f64| format!("{left}, {metres}, 0, {top}, 0, -{metres}");
    let document = format!(
        r#"<VRTDataset rasterXSize="{}" rasterYSize="{}" subClass="VRTWarpedDataset">
  <GeoTransform>{to}</GeoTransform>
  <VRTRasterBand dataType="Float32" band="1" subClass="VRTWarpedRasterBand">
    <NoDataValue>-1</NoDataValue>
  </VRTRasterBand>
  <GDALWarpOptions>
    <ResampleAlg>{method}</ResampleAlg>
    <WorkingDataType>Float32</WorkingDataType>
    <Option name="INIT_DEST">NO_DATA</Option>
    <SourceDataset relativeToVRT="0">{}</SourceDataset>
    <Transformer><GenImgProjTransformer>
      <SrcGeoTransform>{from}</SrcGeoTransform>
      <DstGeoTransform>{to}</DstGeoTransform>
    </GenImgProjTransformer></Transformer>
    <BandList><BandMapping src="1" dst="1">
      <SrcNoDataReal>0</SrcNoDataReal>
      <DstNoDataReal>-1</DstNoDataReal>
    </BandMapping></BandList>
  </GDALWarpOptions>
</VRTDataset>"#,
        image.0,
        image.1,
        path.display(),
        from = transform(metres),
        to = transform(60.0),
    );
    let warped = Dataset::open(document).unwrap();
    let raster = warped.rasterband(1).unwrap();
    let values = raster.read_band_as::<f32>().unwrap();
    let values = values.data().iter();
    values
        .map(|&value| if value < 0.0 { f32::NAN } else { value })
        .collect()
}

fn resampled(band: &Band, image: (u32, u32), method: &str) -> Vec<f32> {
    let compute = Compute::new(Computation {
        measures: vec![Measure::Number],
        mask: None,
        resolution: Resolution::Metres(60.0),
        upsample: match method {
            "Bilinear" => Upsample::Bilinear,
            _ => Upsample::Nearest,
        },
        downsample: match method {
            "Average" => Downsample::Average,
            _ => Downsample::Nearest,
        },
        outputs: vec![ComputedOutput {
            name: "B01".into(),
            source: Source::Input(0),
            scale: 1.0,
            offset: 0.0,
        }],
        nodata: Nodata::F32(f32::NAN),
        median: None,
        area: None,
    });
    computed(
        &compute.unwrap(),
        std::slice::from_ref(band),
        image,
        (50, 30),
    )
    .swap_remove(0)
}

/// The pixels that are valid in only one of both, and the greatest difference in steps of a
/// float32.
fn differences(pairs: &[(f32, f32)]) -> (usize, u32) {
    let holes = pairs.iter().filter(|(a, b)| a.is_nan() != b.is_nan());
    let valid = pairs.iter().filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let steps = valid.map(|(a, b)| a.to_bits().abs_diff(b.to_bits()));
    (holes.count(), steps.max().unwrap_or_default())
}

/// The band reaches into the last column and row of the output, but does not fill them. An average
/// of GDAL gives the last sample there the weight of all that is missing, too; only where it is the
/// only sample, that makes no difference.
fn is_cut(at: usize, image: (u32, u32), method: &str, ratio: (u32, u32)) -> bool {
    let (columns, rows) = (image.0 as usize, image.1 as usize);
    let is_last = at % columns == columns - 1 || at / columns == rows - 1;
    is_last && method == "Average" && ratio.1 / 2 > ratio.0
}

#[test]
fn resampling_is_that_of_gdal() {
    for (method, ratios) in [
        (
            "NearestNeighbour",
            &[
                (1, 1),
                (2, 1),
                (6, 1),
                (1, 2),
                (1, 6),
                (1, 8),
                (3, 2),
                (2, 3),
            ][..],
        ),
        ("Bilinear", &[(2, 1), (3, 1), (6, 1), (3, 2)]),
        (
            "Average",
            &[(1, 2), (1, 3), (1, 6), (1, 8), (2, 3), (1, 20)],
        ),
    ] {
        for &ratio in ratios {
            for holes in [3, 40, 1_000_000] {
                // The last pixels of the output reach beyond the band where the size does not
                // divide.
                let side = |pixels: u32| {
                    let pixels = pixels * ratio.1 / ratio.0 + ratio.1 / 2;
                    (pixels, (pixels * ratio.0).div_ceil(ratio.1))
                };
                let ((width, columns), (height, rows)) = (side(120), side(76));
                let band = Band::noise(ratio, (width, height), 7, holes);
                let image = (columns, rows);
                let values = resampled(&band, image, method);
                let expected = warped(&band, image, method);
                assert_eq!(values.len(), expected.len());
                let pairs = values.into_iter().zip(expected).enumerate();
                let pairs = pairs.filter(|(at, _)| !is_cut(*at, image, method, ratio));
                let pairs: Vec<_> = pairs.map(|(_, pair)| pair).collect();
                let (wrong, steps) = differences(&pairs);
                assert!(
                    wrong == 0 && steps <= 1,
                    "{method} {ratio:?}, holes {holes}: {wrong} pixels, {steps} steps"
                );
            }
        }
    }
}
